import { asCount } from "../json-fields.ts";
import { asString, type JsonObject } from "../json-reader.ts";
import { behind } from "./byte-level-model.ts";
import { fieldsText, objectText, vocabText } from "./json-text.ts";
import type { ModelPart, ParseModelOptions } from "./model-part.ts";
import { parseVocab, requireKnownFields } from "./vocab-json.ts";
import { WordPieceModel } from "./word-piece.ts";

/** The fields of a WordPiece model beside its vocabulary, as tokenizer.json names them. */
export interface WordPieceSettings {
  readonly unk_token: string;
  readonly continuing_subword_prefix: string;
  readonly max_input_chars_per_word: number;
}

/** The WordPiece model of a tokenizer.json. @throws FormatError; UnsupportedTokenizerError for an unknown field. */
export function parseWordPiece(json: JsonObject, options: ParseModelOptions): ModelPart {
  requireKnownFields(json, ["unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"]);
  return createWordPiecePart(parseVocab(json.vocab), wordPieceSettings(json), options);
}

/** The model's settings alone. @throws FormatError naming the field at fault. */
export function wordPieceSettings(json: JsonObject): WordPieceSettings {
  return {
    unk_token: asString(json.unk_token, "model.unk_token"),
    continuing_subword_prefix: asString(json.continuing_subword_prefix, "model.continuing_subword_prefix"),
    max_input_chars_per_word: asCount(json.max_input_chars_per_word, "model.max_input_chars_per_word"),
  };
}

/** A WordPiece model of some vocabulary. */
export function createWordPiecePart(
  vocab: ReadonlyMap<string, number>,
  settings: WordPieceSettings,
  options: ParseModelOptions,
): ModelPart {
  const model = new WordPieceModel(vocab, {
    unkToken: settings.unk_token,
    continuingSubwordPrefix: settings.continuing_subword_prefix,
    maxInputCharsPerWord: settings.max_input_chars_per_word,
  });
  const write = (): string =>
    objectText([...fieldsText({ type: "WordPiece", ...settings }), ["vocab", vocabText(vocab)]]);
  return { type: "WordPiece", model: behind(model, options), vocab, settings: { ...settings }, write };
}
