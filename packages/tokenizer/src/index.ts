export type { AddedToken } from "./added-tokens.ts";
export { ChatTemplateError } from "./chat/chat-template-error.ts";
export {
  type ChatMessage,
  type ChatTemplate,
  type ChatTemplateOptions,
  createChatTemplate,
  type RenderOptions,
} from "./chat/create-chat-template.ts";
export { deepseekChatTemplate } from "./chat/deepseek-chat-template.ts";
export {
  type EncodeChatOptions,
  type EncodedConversation,
  type EncodedReply,
  encodeConversation,
  encodePrompt,
  encodeReply,
} from "./chat/encode-chat.ts";
export { DecodeStream } from "./decode-stream.ts";
export type { Encoding, OffsetUnit } from "./encoding/encoding.ts";
export type { Padding } from "./encoding/padding.ts";
export type { Truncation } from "./encoding/truncation.ts";
export type { NewToken } from "./new-token.ts";
export { type ParseTokenizerOptions, parseTokenizer } from "./parse-tokenizer.ts";
export type {
  DecodeOptions,
  EncodeBatchOptions,
  EncodeOptions,
  EncodeWithOffsetsOptions,
  Tokenizer,
} from "./tokenizer.ts";
export { parseTokenizerConfig, type TokenizerConfig, writeTokenizerConfig } from "./tokenizer-config.ts";
export { type TrainBpeOptions, trainBpe } from "./train-bpe.ts";
export { type TrainFromOldOptions, trainFromOld } from "./train-from-old.ts";
export { type TrainWordPieceOptions, trainWordPiece } from "./train-word-piece.ts";
export type { TrainOptions, TrainProgress } from "./training/train-options.ts";
export { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";
