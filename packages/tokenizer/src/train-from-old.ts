import { OutOfRangeError } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";
import { assembleTokenizer } from "./assemble-tokenizer.ts";
import { asObject, describe, type Json, type JsonObject } from "./json-reader.ts";
import { type BpeSettings, bpeSettings, createBpePart } from "./models/bpe-json.ts";
import type { ModelPart } from "./models/model-part.ts";
import { createWordPiecePart, wordPieceSettings } from "./models/word-piece-json.ts";
import { parseNormalizer } from "./normalizer-json.ts";
import { parsePreTokenizer } from "./pre-tokenizer-json.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { learnBpe } from "./train-bpe.ts";
import { learnWordPieces } from "./train-word-piece.ts";
import { byteAlphabet, characterAlphabet } from "./training/alphabet.ts";
import { countWords, type WordCounts } from "./training/count-words.ts";
import { remapSections } from "./training/remap-ids.ts";
import {
  reportText,
  requireInteger,
  requireSpecialTokens,
  requireVocabSize,
  requireWords,
  type TrainOptions,
} from "./training/train-options.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** Options of `trainFromOld`. */
export interface TrainFromOldOptions extends TrainOptions {
  /** Special tokens beside the old ones. Default none. */
  readonly specialTokens?: readonly string[];
  /** Keep the characters that occur most often, for models over characters. Default: all; WordPiece 1000. */
  readonly limitAlphabet?: number;
}

const OP = "trainFromOld";
const BYTE_TOKENS: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/**
 * Train a new vocabulary on other texts for the same pipeline: normalizer, pre-tokenizer, template, decoder and the
 * model's settings stay (transformers' `train_new_from_iterator`).
 *
 * The old added tokens come first, in their order and with their flags, then new special tokens, the unknown token and
 * the 256 tokens of byte fallback where the model has them, then the alphabet. BPE learns as `trainBpe` does, WordPiece
 * as `trainWordPiece`.
 * Differs from transformers: it drops added tokens that are not special, DeepSeek-V3's `<｜User｜>` among them, and the
 * tokens of byte fallback. Where there are none the merges are the same.
 * @throws UnsupportedTokenizerError for Unigram and WordLevel, and for BPE with a prefix or suffix inside words;
 * OutOfRangeError and ConfigError as the other trainers.
 */
export function trainFromOld(old: Tokenizer, texts: Iterable<string>, options: TrainFromOldOptions): Tokenizer {
  requireSpecialTokens(OP, options.specialTokens ?? []);
  requireInteger(OP, "minFrequency", options.minFrequency ?? 1, 0);
  if (options.limitAlphabet !== undefined) requireInteger(OP, "limitAlphabet", options.limitAlphabet, 1);
  const { model: modelJson, added_tokens: _, ...sections } = JSON.parse(old.toJson()) as JsonObject;
  const learner = learnerOf(asObject(modelJson, "model"));
  const added = addedTokensOf(old, options.specialTokens ?? []);
  const normalizer = parseNormalizer(sections.normalizer);
  const preTokenizer = parsePreTokenizer(sections.pre_tokenizer);
  const words = countWords(texts, { normalizer, preTokenizer }, reportText(options.onProgress));
  requireWords(OP, words);
  const first = new Set([...added.map(({ content }) => content), ...learner.tokens]);
  const part = learner.learn([...first], words, preTokenizer.byteLevel, options);
  return assembleTokenizer(
    remapSections(sections, (token) => idOf(part.vocab, token)),
    () => part,
    () => added,
  );
}

/** How the model of a tokenizer.json is learnt anew. */
interface Learner {
  /** Tokens that it needs beside the added ones. */
  readonly tokens: readonly string[];
  learn(first: readonly string[], words: WordCounts, byteLevel: boolean, options: TrainFromOldOptions): ModelPart;
}

function learnerOf(model: JsonObject): Learner {
  if (model.type === "WordPiece") return wordPieceLearner(model);
  if (model.type !== "BPE") throw unsupported("model.type", "BPE or WordPiece", model.type);
  return bpeLearner(bpeSettings(model));
}

function bpeLearner(settings: BpeSettings): Learner {
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"] as const) {
    if (settings[key]) throw unsupported(`model.${key}`, "none", settings[key]);
  }
  const unknown = settings.unk_token === null ? [] : [settings.unk_token];
  return {
    tokens: settings.byte_fallback ? [...unknown, ...BYTE_TOKENS] : unknown,
    learn(first, words, byteLevel, options) {
      const alphabet = byteLevel
        ? byteAlphabet(first)
        : characterAlphabet(first, words, { limit: options.limitAlphabet });
      requireVocabSize(
        OP,
        options.vocabSize,
        alphabet.tokens.length,
        "Lower limitAlphabet, or give a larger vocabSize.",
      );
      const merges = learnBpe(words, alphabet, options);
      const vocab = new Map(alphabet.tokens.map((token, id) => [token, id]));
      return createBpePart(vocab, merges, settings, { byteLevel });
    },
  };
}

function wordPieceLearner(model: JsonObject): Learner {
  const settings = wordPieceSettings(model);
  const prefix = settings.continuing_subword_prefix;
  return {
    tokens: [settings.unk_token],
    learn(first, words, byteLevel, options) {
      const limit = options.limitAlphabet ?? 1000;
      const alphabet = characterAlphabet(first, words, { limit, continuingPrefix: prefix });
      const vocab = learnWordPieces(OP, words, alphabet, prefix, options);
      return createWordPiecePart(vocab, settings, { byteLevel });
    },
  };
}

/** The old tokens numbered anew from 0, then the new ones. */
function addedTokensOf(old: Tokenizer, specialTokens: readonly string[]): AddedToken[] {
  const kept = old.addedTokens.map((token, id) => ({ ...token, id }));
  const contents = new Set(kept.map(({ content }) => content));
  const fresh = specialTokens.filter((content) => !contents.has(content));
  const start = kept.length;
  return [...kept, ...fresh.map((content, i) => ({ id: start + i, content, special: true, normalized: false }))];
}

function idOf(vocab: ReadonlyMap<string, number>, token: string): number {
  const id = vocab.get(token);
  if (id !== undefined) return id;
  throw new OutOfRangeError({
    op: OP,
    operand: `the old template's token ${JSON.stringify(token)}`,
    expected: "a token of the new vocabulary",
    actual: "none",
    hint: "Give it in specialTokens.",
  });
}

function unsupported(operand: string, expected: string, value: Json | undefined): UnsupportedTokenizerError {
  return new UnsupportedTokenizerError({ op: OP, operand, expected, actual: describe(value) });
}
