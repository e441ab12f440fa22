import type { AddedToken } from "./added-tokens.ts";
import { assembleTokenizer } from "./assemble-tokenizer.ts";
import type { JsonObject } from "./json-reader.ts";
import { createWordPiecePart, type WordPieceSettings } from "./models/word-piece-json.ts";
import { parseNormalizer } from "./normalizer-json.ts";
import { parsePreTokenizer } from "./pre-tokenizer-json.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { type Alphabet, characterAlphabet } from "./training/alphabet.ts";
import { countWords, type WordCounts } from "./training/count-words.ts";
import { learnMerges } from "./training/learn-merges.ts";
import { ScoreHeap } from "./training/score-heap.ts";
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

/** Options of `trainWordPiece`. */
export interface TrainWordPieceOptions extends TrainOptions {
  /** They take the ids from 0 on; [UNK], [CLS] and [SEP] must be among them. Default BERT's five. */
  readonly specialTokens?: readonly string[];
  /** BERT's normalizer lower-cases and strips accents. Default true. */
  readonly lowercase?: boolean;
  /** Keep the characters that occur most often; others become unknown. Default 1000, as in HF. */
  readonly limitAlphabet?: number;
  /** What tokens inside a word begin with. Default "##". */
  readonly continuingSubwordPrefix?: string;
  /** A longer word, in characters, is unknown as a whole. Default 100. */
  readonly maxInputCharsPerWord?: number;
}

const OP = "trainWordPiece";
const BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] as const;

/**
 * Train a WordPiece tokenizer with BERT's normalizer, pre-tokenizer and template.
 *
 * The pair merged next is the one with the highest likelihood score, count(ab) / (count(a) count(b)) (Schuster &
 * Nakajima 2012), ties to the smallest ids. A score of 1 is that of two symbols that occur once, and together: raise
 * `minFrequency` on real text, or the vocabulary fills with rare words.
 *
 * Differs from HF: its WordPieceTrainer counts pairs as BPE does.
 * @throws OutOfRangeError when vocabSize, minFrequency or limitAlphabet is out of range, or the texts hold no word;
 * ConfigError for an empty or repeated special token; FormatError when one of [UNK], [CLS], [SEP] is missing.
 */
export function trainWordPiece(texts: Iterable<string>, options: TrainWordPieceOptions): Tokenizer {
  const { specialTokens = BERT_TOKENS, onProgress, continuingSubwordPrefix = "##", lowercase = true } = options;
  requireSpecialTokens(OP, specialTokens);
  requireInteger(OP, "limitAlphabet", options.limitAlphabet ?? 1000, 1);
  requireInteger(OP, "minFrequency", options.minFrequency ?? 1, 0);
  requireInteger(OP, "maxInputCharsPerWord", options.maxInputCharsPerWord ?? 100, 1);
  const sections = bertSections(specialTokens, continuingSubwordPrefix, lowercase);
  const words = countWords(
    texts,
    { normalizer: parseNormalizer(sections.normalizer), preTokenizer: parsePreTokenizer(sections.pre_tokenizer) },
    reportText(onProgress),
  );
  requireWords(OP, words);
  const settings: WordPieceSettings = {
    unk_token: "[UNK]",
    continuing_subword_prefix: continuingSubwordPrefix,
    max_input_chars_per_word: options.maxInputCharsPerWord ?? 100,
  };
  const alphabet = characterAlphabet(specialTokens, words, {
    limit: options.limitAlphabet ?? 1000,
    continuingPrefix: continuingSubwordPrefix,
  });
  const vocab = learnWordPieces(OP, words, alphabet, continuingSubwordPrefix, options);
  return assembleTokenizer(
    sections,
    (byteLevel) => createWordPiecePart(vocab, settings, { byteLevel }),
    () => specialTokens.map(asAddedToken),
  );
}

/** The vocabulary that WordPiece's score makes of an alphabet. */
export function learnWordPieces(
  op: string,
  words: WordCounts,
  { tokens, spell }: Alphabet,
  prefix: string,
  options: TrainOptions,
): Map<string, number> {
  requireVocabSize(op, options.vocabSize, tokens.length, "Lower limitAlphabet, or give a larger vocabSize.");
  learnMerges(createSymbolChain(words, spell), {
    tokens,
    vocabSize: options.vocabSize,
    join: (left, right) => left + right.slice(prefix.length),
    createQueue: (pairs, symbolCounts) => new ScoreHeap(pairs, symbolCounts, options.minFrequency ?? 1),
    onMerge: reportMerge(options),
  });
  return new Map(tokens.map((token, id) => [token, id]));
}

function asAddedToken(content: string, id: number): AddedToken {
  return { id, content, special: true, normalized: false };
}

function bertSections(specialTokens: readonly string[], prefix: string, lowercase: boolean): JsonObject {
  const token = (id: string, type_id: number): JsonObject => ({ SpecialToken: { id, type_id } });
  const sequence = (id: string, type_id: number): JsonObject => ({ Sequence: { id, type_id } });
  const entry = (id: string): JsonObject => ({ id, ids: [specialTokens.indexOf(id)], tokens: [id] });
  const single = [token("[CLS]", 0), sequence("A", 0), token("[SEP]", 0)];
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single,
      pair: [...single, sequence("B", 1), token("[SEP]", 1)],
      special_tokens: { "[CLS]": entry("[CLS]"), "[SEP]": entry("[SEP]") },
    },
    decoder: { type: "WordPiece", prefix, cleanup: true },
  };
}
