import { ConfigError, OutOfRangeError } from "@ds3/errors";
import type { WordCounts } from "./count-words.ts";

/** How far training is: texts counted (their total is not known beforehand), or tokens made. */
export type TrainProgress =
  | { readonly stage: "count"; readonly texts: number }
  | { readonly stage: "merge"; readonly tokens: number; readonly vocabSize: number };

/** Options that all trainers have. */
export interface TrainOptions {
  /** Tokens in all: special tokens, the alphabet, then merges. */
  readonly vocabSize: number;
  /** A pair that occurs less often is never merged. Default 1. */
  readonly minFrequency?: number;
  /** Called now and then, from inside the loop. */
  readonly onProgress?: ((progress: TrainProgress) => void) | undefined;
}

/** Progress is reported every so many texts or tokens. */
const REPORT_EVERY = 256;
/** Ids index arrays. */
const MAX_VOCAB_SIZE = 2 ** 22;

/** Report a text of the counting stage, now and then. */
export function reportText(onProgress: TrainOptions["onProgress"]): (texts: number) => void {
  return (texts) => {
    if (texts % REPORT_EVERY === 0) onProgress?.({ stage: "count", texts });
  };
}

/** Report a merge, now and then and the last one. */
export function reportMerge({ onProgress, vocabSize }: TrainOptions): (tokens: number) => void {
  return (tokens) => {
    if (tokens % REPORT_EVERY === 0 || tokens === vocabSize) onProgress?.({ stage: "merge", tokens, vocabSize });
  };
}

/** @throws ConfigError for an empty or repeated special token. */
export function requireSpecialTokens(op: string, specialTokens: readonly string[]): void {
  const seen = new Set<string>();
  for (const token of specialTokens) {
    const actual = token === "" ? "an empty string" : `${JSON.stringify(token)} twice`;
    const expected = "distinct, non-empty strings";
    if (token === "" || seen.has(token)) throw new ConfigError({ op, operand: "specialTokens", expected, actual });
    seen.add(token);
  }
}

/** @throws OutOfRangeError when there is no room for the tokens that training starts from. */
export function requireVocabSize(op: string, vocabSize: number, start: number, hint?: string): void {
  requireInteger(op, "vocabSize", vocabSize, start, MAX_VOCAB_SIZE, hint);
}

/** @throws OutOfRangeError naming the operand. */
export function requireInteger(
  op: string,
  operand: string,
  value: number,
  low: number,
  high: number = Number.MAX_SAFE_INTEGER,
  hint?: string,
): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  const expected = `an integer in [${low}, ${high}]`;
  throw new OutOfRangeError({ op, operand, expected, actual: String(value), ...(hint !== undefined && { hint }) });
}

/** @throws OutOfRangeError when no word was counted. */
export function requireWords(op: string, words: WordCounts): void {
  if (words.size > 0) return;
  throw new OutOfRangeError({
    op,
    operand: "texts",
    expected: "at least one text that is not empty",
    actual: "no word",
    hint: "An iterator that was read before gives nothing the second time: pass a fresh one.",
  });
}
