export { type LoadChatTemplateOptions, loadChatTemplate } from "./load-chat-template.ts";
export { loadTokenizer } from "./load-tokenizer.ts";
export { saveTokenizer } from "./save-tokenizer.ts";
export { saveTokenizerConfig } from "./save-tokenizer-config.ts";
