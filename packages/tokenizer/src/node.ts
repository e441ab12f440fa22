export { type LoadChatTemplateOptions, loadChatTemplate } from "./chat/load-chat-template.ts";
export { loadTokenizer } from "./files/load-tokenizer.ts";
export { saveTokenizer } from "./files/save-tokenizer.ts";
export { saveTokenizerConfig } from "./files/save-tokenizer-config.ts";
