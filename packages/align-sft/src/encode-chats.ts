/*
 * Conversations as training samples. What an assistant writes is marked by the tokenizer's `encodeConversation`; here
 * conversations that would teach nothing, or do not fit, are sorted out and counted: none vanishes without a number.
 */
import { OutOfRangeError } from "@ds3/errors";
import {
  type ChatMessage,
  type ChatTemplate,
  ChatTemplateError,
  encodeConversation,
  type Tokenizer,
} from "@ds3/tokenizer";

/** A conversation, e.g. what `parseChat` of @ds3/data gives, with where it is from. */
export interface ChatRecord {
  readonly messages: readonly ChatMessage[];
  /** Name of the collection that it belongs to; stages of `fineTune` choose by it. */
  readonly source?: string;
}

/** A conversation as token ids. */
export interface SftSample {
  readonly ids: Int32Array;
  /** [ids] 1 on the tokens that an assistant writes, its end-of-turn token included: those are learned. */
  readonly assistantMask: Uint8Array;
  readonly source?: string;
}

/** Options of `encodeChats`. */
export interface EncodeChatsOptions {
  /** Most tokens of a conversation. Default: any number. */
  readonly maxLength?: number;
  /** What becomes of a longer one: left out (`drop`, default), or its first `maxLength` tokens kept (`cut`). */
  readonly overlong?: "drop" | "cut";
}

/** Samples, and what became of the other records. */
export interface EncodedChats {
  readonly samples: readonly SftSample[];
  readonly dropped: {
    /** No message, or nothing rendered from them. */
    readonly empty: number;
    /** No assistant's token after the first token: nothing to learn. */
    readonly noAssistant: number;
    /** Longer than `maxLength`; or cut there, with no assistant's token left. */
    readonly tooLong: number;
  };
  /** Samples that were cut: their last reply lacks its end. */
  readonly cut: number;
}

type Dropped = keyof EncodedChats["dropped"];

/**
 * Renders and encodes conversations, in their order, each token marked as an assistant's or not.
 *
 * @throws ChatTemplateError naming the record that the template refuses; OutOfRangeError for a `maxLength` below 2.
 */
export function encodeChats(
  records: Iterable<ChatRecord>,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  options: EncodeChatsOptions = {},
): EncodedChats {
  const { maxLength = Number.POSITIVE_INFINITY, overlong = "drop" } = options;
  requireOptions(maxLength, overlong);
  const samples: SftSample[] = [];
  const dropped = { empty: 0, noAssistant: 0, tooLong: 0 };
  let cut = 0;
  let index = 0;
  for (const { messages, source } of records) {
    const encoded = encodeRecord(messages, tokenizer, template, index++);
    const result = fit(encoded, maxLength, overlong);
    if (typeof result === "string") {
      dropped[result] += 1;
      continue;
    }
    if (result.ids.length < encoded.ids.length) cut += 1;
    samples.push(source === undefined ? result : { ...result, source });
  }
  return { samples, dropped, cut };
}

/** The sample with at most `maxLength` tokens, or why there is none. */
function fit(sample: SftSample, maxLength: number, overlong: "drop" | "cut"): SftSample | Dropped {
  const { ids, assistantMask } = sample;
  if (ids.length === 0) return "empty";
  if (!isLearned(assistantMask)) return "noAssistant";
  if (ids.length <= maxLength) return sample;
  const mask = assistantMask.subarray(0, maxLength);
  if (overlong === "drop" || !isLearned(mask)) return "tooLong";
  return { ids: ids.subarray(0, maxLength), assistantMask: mask };
}

/** The first token follows none: it cannot be predicted. */
function isLearned(mask: Uint8Array): boolean {
  return mask.indexOf(1, 1) > 0;
}

function encodeRecord(
  messages: readonly ChatMessage[],
  tokenizer: Tokenizer,
  template: ChatTemplate,
  index: number,
): SftSample {
  if (messages.length === 0) return { ids: new Int32Array(0), assistantMask: new Uint8Array(0) };
  try {
    return encodeConversation(tokenizer, template, messages);
  } catch (cause) {
    if (!ChatTemplateError.is(cause)) throw cause;
    const { operand, expected, actual, hint } = cause as ChatTemplateError;
    const details = { expected, actual, cause, ...(hint === undefined ? {} : { hint }) };
    throw new ChatTemplateError({ op: "encodeChats", operand: `records[${index}]: ${operand}`, ...details });
  }
}

function requireOptions(maxLength: number, overlong: string): void {
  const refuse = (operand: string, expected: string, actual: string): never => {
    throw new OutOfRangeError({ op: "encodeChats", operand, expected, actual });
  };
  const isCount = Number.isSafeInteger(maxLength) || maxLength === Number.POSITIVE_INFINITY;
  if (!isCount || maxLength < 2) refuse("maxLength", "an integer of at least 2", `${maxLength}`);
  if (overlong !== "drop" && overlong !== "cut") refuse("overlong", '"drop" or "cut"', JSON.stringify(overlong));
}
