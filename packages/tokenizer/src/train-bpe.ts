import { ConfigError, didYouMean, OutOfRangeError } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";
import { assembleTokenizer } from "./assemble-tokenizer.ts";
import { bytesInAlphabetOrder, charOfByte } from "./byte-alphabet.ts";
import { countWords, type WordCounts } from "./count-words.ts";
import type { JsonObject } from "./json-reader.ts";
import { learnMerges } from "./learn-merges.ts";
import { createBpePart, plainBpe } from "./models/bpe-json.ts";
import { parsePreTokenizer, preTokenizerPresets, type TrainedPreTokenizer } from "./pre-tokenizer-json.ts";
import { createSymbolChain } from "./symbol-chain.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** How far training is: texts counted (their total is not known beforehand), or tokens made. */
export type TrainProgress =
  | { readonly stage: "count"; readonly texts: number }
  | { readonly stage: "merge"; readonly tokens: number; readonly vocabSize: number };

/** Options of `trainBpe`. */
export interface TrainBpeOptions {
  /** Tokens in all: special tokens, the 256 bytes, then merges. At least 256 + the special tokens. */
  readonly vocabSize: number;
  /** They take the ids from 0 on, in this order. Default none. */
  readonly specialTokens?: readonly string[];
  /** How texts are cut into words: GPT-2's pattern, or DeepSeek-V3's three splits. Default "deepseek-v3". */
  readonly preTokenizer?: TrainedPreTokenizer;
  /** A pair that occurs less often is never merged. Default 1. */
  readonly minFrequency?: number;
  /** Called now and then, from inside the loop. */
  readonly onProgress?: (progress: TrainProgress) => void;
}

/** Progress is reported every so many texts or tokens. */
const REPORT_EVERY = 256;

/**
 * Train a byte-level BPE tokenizer.
 *
 * Tokens and merges are those of HF's BpeTrainer with the full byte alphabet, in the same order. With too little text
 * the vocabulary stays below `vocabSize`, as there: read `tokenizer.vocabSize`.
 * Accepts: any iterable, read once; memory grows with its distinct words. A text is one sequence: no word spans two.
 * @throws OutOfRangeError when vocabSize or minFrequency is out of range, or the texts hold no word; ConfigError for an
 * unknown pre-tokenizer, or an empty or repeated special token.
 */
export function trainBpe(texts: Iterable<string>, options: TrainBpeOptions): Tokenizer {
  const { vocabSize, specialTokens = [], preTokenizer: preset = "deepseek-v3", minFrequency = 1, onProgress } = options;
  const preTokenizerJson = presetJson(preset);
  requireSpecialTokens(specialTokens);
  const { tokens, idOfByte } = startTokens(specialTokens);
  requireInteger("vocabSize", vocabSize, tokens.length, 2 ** 22);
  requireInteger("minFrequency", minFrequency, 0, Number.MAX_SAFE_INTEGER);
  const preTokenizer = parsePreTokenizer(preTokenizerJson);
  const counts = countWords(texts, preTokenizer, (count) => {
    if (count % REPORT_EVERY === 0) onProgress?.({ stage: "count", texts: count });
  });
  requireWords(counts);
  const merges = learnMerges(createSymbolChain(counts, idOfByte), {
    tokens,
    vocabSize,
    minFrequency,
    onMerge: (made) => {
      if (made % REPORT_EVERY === 0 || made === vocabSize) onProgress?.({ stage: "merge", tokens: made, vocabSize });
    },
  });
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  return assembleTokenizer(
    sectionsOf(preTokenizerJson),
    (byteLevel) => createBpePart(vocab, merges, plainBpe, { byteLevel }),
    () => specialTokens.map(asAddedToken),
  );
}

function presetJson(preset: string): JsonObject {
  if (Object.hasOwn(preTokenizerPresets, preset)) return preTokenizerPresets[preset as TrainedPreTokenizer];
  const known = Object.keys(preTokenizerPresets);
  const hint = didYouMean(preset, known);
  throw new ConfigError({
    op: "trainBpe",
    operand: "preTokenizer",
    expected: known.join(" or "),
    actual: preset,
    hint,
  });
}

function requireSpecialTokens(specialTokens: readonly string[]): void {
  specialTokens.forEach((token, i) => {
    if (token !== "" && specialTokens.indexOf(token) === i) return;
    const actual = token === "" ? "an empty string" : `${JSON.stringify(token)} twice`;
    throw new ConfigError({
      op: "trainBpe",
      operand: "specialTokens",
      expected: "distinct, non-empty strings",
      actual,
    });
  });
}

function requireInteger(operand: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  const expected = `an integer in [${low}, ${high}]`;
  throw new OutOfRangeError({ op: "trainBpe", operand, expected, actual: String(value) });
}

function requireWords({ words }: WordCounts): void {
  if (words.size > 0) return;
  throw new OutOfRangeError({
    op: "trainBpe",
    operand: "texts",
    expected: "at least one text that is not empty",
    actual: "no word",
    hint: "An iterator that was read before gives nothing the second time: pass a fresh one.",
  });
}

/** Special tokens, then the bytes by their stand-ins; a special token that is a stand-in serves as that byte too. */
function startTokens(specialTokens: readonly string[]): { tokens: string[]; idOfByte: Int32Array } {
  const tokens = [...specialTokens];
  const idOfByte = new Int32Array(256);
  for (const byte of bytesInAlphabetOrder()) {
    const known = specialTokens.indexOf(charOfByte(byte));
    idOfByte[byte] = known >= 0 ? known : tokens.push(charOfByte(byte)) - 1;
  }
  return { tokens, idOfByte };
}

function asAddedToken(content: string, id: number): AddedToken {
  return { id, content, special: true, normalized: false };
}

function sectionsOf(preTokenizer: JsonObject): JsonObject {
  return {
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  };
}
