/*
 * Preference records as token ids. Pairs that would teach nothing, or do not fit, are left out and counted: none
 * vanishes without a number.
 */
import { OutOfRangeError } from "@ds3/errors";
import { type ChatMessage, type ChatTemplate, ChatTemplateError, encodeReply, type Tokenizer } from "@ds3/tokenizer";
import type { PreferencePair } from "./types.ts";

/** Two replies to the same messages, e.g. what `parsePreference` of @ds3/data gives. */
export interface PreferenceText {
  readonly messages: readonly ChatMessage[];
  /** Text of the better reply. */
  readonly chosen: string;
  /** Text of the worse reply. */
  readonly rejected: string;
  /** JSON schemas of tools, for the template. */
  readonly tools?: readonly unknown[];
}

/** Options of `encodePreferences`. */
export interface EncodePreferencesOptions {
  /** Most tokens of a prompt with its longer completion. Default: any number. */
  readonly maxLength?: number;
}

/** Pairs, and what became of the other records. */
export interface EncodedPreferences {
  readonly pairs: readonly PreferencePair[];
  readonly dropped: {
    /** A prompt or a completion without tokens. */
    readonly empty: number;
    /** Both completions are the same tokens: no preference. */
    readonly identical: number;
    /** Longer than `maxLength`; a completion that is cut would teach not to end. */
    readonly tooLong: number;
  };
}

type Dropped = keyof EncodedPreferences["dropped"];

/**
 * Renders and encodes preference records, in their order. A completion ends with the template's end-of-turn token.
 *
 * @throws ChatTemplateError naming the record that the template refuses; OutOfRangeError for a `maxLength` below 2.
 */
export function encodePreferences(
  records: Iterable<PreferenceText>,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  options: EncodePreferencesOptions = {},
): EncodedPreferences {
  const { maxLength = Number.POSITIVE_INFINITY } = options;
  if (!(maxLength >= 2)) {
    const expected = "a number of at least 2";
    throw new OutOfRangeError({ op: "encodePreferences", operand: "maxLength", expected, actual: `${maxLength}` });
  }
  const pairs: PreferencePair[] = [];
  const dropped = { empty: 0, identical: 0, tooLong: 0 };
  let index = 0;
  for (const record of records) {
    const pair = encodePair(record, tokenizer, template, index++);
    const reason = reasonToDrop(pair, maxLength);
    if (reason === undefined) pairs.push(pair);
    else dropped[reason] += 1;
  }
  return { pairs, dropped };
}

function reasonToDrop({ prompt, chosen, rejected }: PreferencePair, maxLength: number): Dropped | undefined {
  if (prompt.length === 0 || chosen.length === 0 || rejected.length === 0) return "empty";
  if (chosen.length === rejected.length && chosen.every((id, i) => id === rejected[i])) return "identical";
  return prompt.length + Math.max(chosen.length, rejected.length) > maxLength ? "tooLong" : undefined;
}

function encodePair(
  { messages, chosen, rejected, tools }: PreferenceText,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  index: number,
): PreferencePair {
  const options = tools === undefined ? {} : { tools };
  try {
    const better = encodeReply(tokenizer, template, messages, chosen, options);
    const worse = encodeReply(tokenizer, template, messages, rejected, options);
    return { prompt: better.prompt, chosen: better.completion, rejected: worse.completion };
  } catch (cause) {
    if (!ChatTemplateError.is(cause)) throw cause;
    const { operand, expected, actual, hint } = cause as ChatTemplateError;
    const details = { expected, actual, cause, ...(hint === undefined ? {} : { hint }) };
    throw new ChatTemplateError({ op: "encodePreferences", operand: `records[${index}]: ${operand}`, ...details });
  }
}
