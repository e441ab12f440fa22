import { type ChatTemplate, createChatTemplate, deepseekChatTemplate, type Tokenizer } from "@ds3/tokenizer";

/** Special tokens that a chat has beside the preset's: what a model thinks before it answers stands between them. */
export const thinkTokens: readonly string[] = ["<think>", "</think>"];

/** How conversations become token ids. */
export interface ChatFormat {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly bosToken: string;
  /** Ends a reply. */
  readonly eosToken: string;
  readonly endId: number;
}

/** DeepSeek-V3's chat template over a tokenizer with a begin and an end token. */
export function chatFormat(
  tokenizer: Tokenizer,
  { bosTokenId, eosTokenId }: { readonly bosTokenId: number | null; readonly eosTokenId: number | null },
): ChatFormat {
  const bosToken = tokenizer.tokenOf(bosTokenId!)!;
  const eosToken = tokenizer.tokenOf(eosTokenId!)!;
  const template = createChatTemplate(deepseekChatTemplate, { bosToken, eosToken });
  return { tokenizer, template, bosToken, eosToken, endId: eosTokenId! };
}

/** The text of a reply's tokens: think tags stay, the end token goes, and so does a character that was cut in its bytes. */
export function replyText({ tokenizer, endId }: ChatFormat, tokens: Int32Array): string {
  const own = tokens.at(-1) === endId ? tokens.subarray(0, -1) : tokens;
  return tokenizer.decode(own).replace(/\ufffd+$/, "");
}
