import { FormatError } from "@ds3/errors";
import { asBoolean, asNumber, byType } from "../json-fields.ts";
import { asArray, asId, asObject, asString, describe, type Json, type JsonObject } from "../json-reader.ts";
import { parseBpe } from "./bpe-json.ts";
import { behind } from "./byte-level-model.ts";
import { arrayText, doubleText, fieldsText, objectText, vocabText } from "./json-text.ts";
import type { ModelPart, ModelType, ParseModelOptions } from "./model-part.ts";
import { type ScoredToken, UnigramModel } from "./unigram.ts";
import { parseVocab, requireKnownFields } from "./vocab-json.ts";
import { WordLevelModel } from "./word-level.ts";
import { parseWordPiece } from "./word-piece-json.ts";

const OP = "parseTokenizer";

const parsers: Readonly<Record<ModelType, (json: JsonObject, options: ParseModelOptions) => ModelPart>> = {
  BPE: parseBpe,
  WordPiece: parseWordPiece,
  WordLevel: parseWordLevel,
  Unigram: parseUnigram,
};

/**
 * The model that a tokenizer.json describes. Files older than the field `type` are told apart by their other fields.
 * @throws FormatError when a field is malformed; UnsupportedTokenizerError naming a type or field that is not known.
 */
export function parseModel(json: Json | undefined, options: ParseModelOptions): ModelPart {
  const object = asObject(json, "model");
  return byType(parsers, object.type ?? guessType(object), "model")(object, options);
}

function guessType(json: JsonObject): ModelType {
  if (json.merges !== undefined) return "BPE";
  if (Array.isArray(json.vocab)) return "Unigram";
  return json.max_input_chars_per_word === undefined ? "WordLevel" : "WordPiece";
}

function parseWordLevel(json: JsonObject, options: ParseModelOptions): ModelPart {
  requireKnownFields(json, ["vocab", "unk_token"]);
  const vocab = parseVocab(json.vocab);
  const settings = { unk_token: asString(json.unk_token, "model.unk_token") };
  const model = new WordLevelModel(vocab, settings.unk_token);
  const write = (): string =>
    objectText([...fieldsText({ type: "WordLevel" }), ["vocab", vocabText(vocab)], ...fieldsText(settings)]);
  return { type: "WordLevel", model: behind(model, options), vocab, settings, write };
}

function parseUnigram(json: JsonObject, options: ParseModelOptions): ModelPart {
  requireKnownFields(json, ["unk_id", "vocab", "byte_fallback"]);
  const tokens = asArray(json.vocab, "model.vocab").map(parseScoredToken);
  const settings = {
    unk_id: parseUnkId(json.unk_id, tokens.length),
    byte_fallback: json.byte_fallback === undefined ? false : asBoolean(json.byte_fallback, "model.byte_fallback"),
  };
  const model = new UnigramModel(tokens, { unkId: settings.unk_id ?? undefined, byteFallback: settings.byte_fallback });
  const write = (): string => writeUnigram(tokens, settings);
  const vocab = new Map(tokens.map(([token], id) => [token, id]));
  return { type: "Unigram", model: behind(model, options), vocab, settings, write };
}

function parseScoredToken(value: Json, index: number): ScoredToken {
  const path = `model.vocab[${index}]`;
  const parts = asArray(value, path);
  if (parts.length === 2) return [asString(parts[0], `${path}[0]`), asNumber(parts[1], `${path}[1]`)];
  throw new FormatError({ op: OP, operand: path, expected: "a token and its score", actual: describe(value) });
}

function parseUnkId(value: Json | undefined, count: number): number | null {
  if (value === undefined || value === null) return null;
  const id = asId(value, "model.unk_id");
  if (id < count) return id;
  const expected = `the place of a token, below ${count}`;
  throw new FormatError({ op: OP, operand: "model.unk_id", expected, actual: String(id) });
}

function writeUnigram(
  tokens: readonly ScoredToken[],
  settings: { unk_id: number | null; byte_fallback: boolean },
): string {
  const list = tokens.map(([token, score]) => arrayText([JSON.stringify(token), doubleText(score)]));
  return objectText([
    ...fieldsText({ type: "Unigram", unk_id: settings.unk_id }),
    ["vocab", arrayText(list)],
    ["byte_fallback", String(settings.byte_fallback)],
  ]);
}
