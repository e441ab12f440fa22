import { ConfigError, didYouMean } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";
import { assembleTokenizer } from "./assemble-tokenizer.ts";
import type { Merges } from "./bpe/pair-table.ts";
import type { JsonObject } from "./json-reader.ts";
import { createBpePart, plainBpe } from "./models/bpe-json.ts";
import { parsePreTokenizer, preTokenizerPresets, type TrainedPreTokenizer } from "./pre-tokenizer-json.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { type Alphabet, byteAlphabet } from "./training/alphabet.ts";
import { countWords, type WordCounts } from "./training/count-words.ts";
import { learnMerges } from "./training/learn-merges.ts";
import { PairHeap } from "./training/pair-heap.ts";
import { createSymbolChain } from "./training/symbol-chain.ts";
import {
  reportMerge,
  reportText,
  requireInteger,
  requireSpecialTokens,
  requireVocabSize,
  requireWords,
  type TrainOptions,
} from "./training/train-options.ts";

/** Options of `trainBpe`; `vocabSize` is at least 256 + the special tokens. */
export interface TrainBpeOptions extends TrainOptions {
  /** They take the ids from 0 on, in this order. Default none. */
  readonly specialTokens?: readonly string[];
  /** How texts are cut into words: GPT-2's pattern, or DeepSeek-V3's three splits. Default "deepseek-v3". */
  readonly preTokenizer?: TrainedPreTokenizer;
}

const OP = "trainBpe";

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
  const { vocabSize, specialTokens = [], preTokenizer: preset = "deepseek-v3", onProgress } = options;
  const preTokenizerJson = presetJson(preset);
  requireSpecialTokens(OP, specialTokens);
  const alphabet = byteAlphabet(specialTokens);
  requireVocabSize(OP, vocabSize, alphabet.tokens.length);
  requireInteger(OP, "minFrequency", options.minFrequency ?? 1, 0);
  const words = countWords(texts, { preTokenizer: parsePreTokenizer(preTokenizerJson) }, reportText(onProgress));
  requireWords(OP, words);
  const merges = learnBpe(words, alphabet, options);
  const vocab = new Map(alphabet.tokens.map((token, id) => [token, id]));
  return assembleTokenizer(
    sectionsOf(preTokenizerJson),
    (byteLevel) => createBpePart(vocab, merges, plainBpe, { byteLevel }),
    () => specialTokens.map(asAddedToken),
  );
}

/** HF's BpeTrainer: the pair with the highest count first, ties to the smallest (left id, right id). */
export function learnBpe(words: WordCounts, { tokens, spell }: Alphabet, options: TrainOptions): Merges {
  return learnMerges(createSymbolChain(words, spell), {
    tokens,
    vocabSize: options.vocabSize,
    join: (left, right) => left + right,
    createQueue: (pairs) => new PairHeap(pairs, options.minFrequency ?? 1),
    onMerge: reportMerge(options),
  });
}

function presetJson(preset: string): JsonObject {
  if (Object.hasOwn(preTokenizerPresets, preset)) return preTokenizerPresets[preset as TrainedPreTokenizer];
  const known = Object.keys(preTokenizerPresets);
  const hint = didYouMean(preset, known);
  throw new ConfigError({ op: OP, operand: "preTokenizer", expected: known.join(" or "), actual: preset, hint });
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
