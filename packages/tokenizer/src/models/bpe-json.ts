import { FormatError } from "@ds3/errors";
import { BpeModel } from "../bpe/bpe-model.ts";
import { MAX_MERGES } from "../bpe/merge-word.ts";
import { type Merges, PairTable } from "../bpe/pair-table.ts";
import { charOfByte } from "../byte-alphabet.ts";
import { asNumber, optionalBoolean } from "../json-fields.ts";
import { asArray, asString, describe, type Json, type JsonObject } from "../json-reader.ts";
import { UnsupportedTokenizerError } from "../unsupported-tokenizer-error.ts";
import { ByteLevelModel } from "./byte-level-model.ts";
import { CharacterBpeModel, type CharacterBpeOptions } from "./character-bpe.ts";
import { arrayText, floatText, objectText, vocabText } from "./json-text.ts";
import type { ModelPart, ParseModelOptions } from "./model-part.ts";
import { parseVocab, requireKnownFields } from "./vocab-json.ts";

const OP = "parseTokenizer";

/** Fields of BPE beside vocabulary and merges, in HF's order, spelled as in tokenizer.json. */
export interface BpeSettings {
  readonly dropout: number | null;
  readonly unk_token: string | null;
  readonly continuing_subword_prefix: string | null;
  readonly end_of_word_suffix: string | null;
  readonly fuse_unk: boolean;
  readonly byte_fallback: boolean;
  readonly ignore_merges: boolean;
}

/** What BPE is when a file says nothing else. */
export const plainBpe: BpeSettings = {
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
};

/** A BPE model from its parts. */
export interface BpePart extends ModelPart {
  readonly merges: Merges;
}

/** Read a BPE section. @throws FormatError or UnsupportedTokenizerError naming the field at fault. */
export function parseBpe(json: JsonObject, options: ParseModelOptions): BpePart {
  requireKnownFields(json, [...Object.keys(plainBpe), "vocab", "merges"]);
  const settings = bpeSettings(json);
  const vocab = parseVocab(json.vocab);
  const merges = parseMerges(json.merges, vocab, settings.continuing_subword_prefix ?? "");
  return createBpePart(vocab, merges, settings, options);
}

/**
 * A BPE model of some vocabulary and merges: over bytes where every byte has a token and nothing needs characters.
 * @throws UnsupportedTokenizerError for dropout without random numbers.
 */
export function createBpePart(
  vocab: ReadonlyMap<string, number>,
  merges: Merges,
  settings: BpeSettings,
  options: ParseModelOptions,
): BpePart {
  return {
    type: "BPE",
    model: createModel(vocab, merges, settings, options),
    vocab,
    merges,
    settings: { ...settings },
    write: () => writeBpe(vocab, merges, settings),
  };
}

function createModel(
  vocab: ReadonlyMap<string, number>,
  merges: Merges,
  settings: BpeSettings,
  { byteLevel, random }: ParseModelOptions,
): BpeModel | CharacterBpeModel | ByteLevelModel {
  const dropout = settings.dropout ?? 0;
  if (dropout > 0 && random === undefined) throw noRandom(dropout);
  const characters: CharacterBpeOptions = {
    unkToken: settings.unk_token ?? undefined,
    continuingSubwordPrefix: settings.continuing_subword_prefix ?? "",
    endOfWordSuffix: settings.end_of_word_suffix ?? "",
    fuseUnk: settings.fuse_unk,
    byteFallback: settings.byte_fallback,
    ignoreMerges: settings.ignore_merges,
    dropout: dropout > 0 && random !== undefined ? { probability: dropout, random } : undefined,
  };
  if (byteLevel && isPlain(vocab, characters)) {
    return new BpeModel(vocab, merges, { ignoreMerges: settings.ignore_merges });
  }
  const model = new CharacterBpeModel(vocab, merges, characters);
  return byteLevel ? new ByteLevelModel(model, dropout === 0) : model;
}

function isPlain(vocab: ReadonlyMap<string, number>, options: CharacterBpeOptions): boolean {
  if (options.dropout !== undefined || options.continuingSubwordPrefix !== "" || options.endOfWordSuffix !== "") {
    return false;
  }
  return Array.from({ length: 256 }, (_, byte) => vocab.has(charOfByte(byte))).every(Boolean);
}

/** The model's settings alone. @throws FormatError naming the field at fault. */
export function bpeSettings(json: JsonObject): BpeSettings {
  return {
    dropout: parseDropout(json.dropout),
    unk_token: optionalString(json.unk_token, "model.unk_token"),
    continuing_subword_prefix: optionalString(json.continuing_subword_prefix, "model.continuing_subword_prefix"),
    end_of_word_suffix: optionalString(json.end_of_word_suffix, "model.end_of_word_suffix"),
    fuse_unk: optionalBoolean(json.fuse_unk, "model.fuse_unk", false),
    byte_fallback: optionalBoolean(json.byte_fallback, "model.byte_fallback", false),
    ignore_merges: optionalBoolean(json.ignore_merges, "model.ignore_merges", false),
  };
}

function parseDropout(value: Json | undefined): number | null {
  if (value === undefined || value === null) return null;
  const dropout = asNumber(value, "model.dropout");
  if (dropout >= 0 && dropout <= 1) return dropout;
  throw new FormatError({ op: OP, operand: "model.dropout", expected: "a number in [0, 1]", actual: describe(value) });
}

function noRandom(dropout: number): UnsupportedTokenizerError {
  return new UnsupportedTokenizerError({
    op: OP,
    operand: "model.dropout",
    expected: "0 or null without a source of random numbers",
    actual: String(dropout),
    hint: "Pass `random` to train with dropout, or set it to null to encode the same text the same way.",
  });
}

function optionalString(value: Json | undefined, path: string): string | null {
  return value === undefined || value === null ? null : asString(value, path);
}

function parseMerges(value: Json | undefined, vocab: ReadonlyMap<string, number>, prefix: string): Merges {
  const list = asArray(value, "model.merges");
  if (list.length > MAX_MERGES) {
    const expected = `at most ${MAX_MERGES} merges`;
    throw new UnsupportedTokenizerError({ op: OP, operand: "model.merges", expected, actual: String(list.length) });
  }
  const pairs = list
    .filter((merge) => typeof merge !== "string" || !merge.startsWith("#version"))
    .map((merge, rank) => mergeParts(merge, rank));
  const idOf = (token: string, rank: number): number => mergeId(vocab, token, rank);
  return {
    left: Int32Array.from(pairs, ([left], rank) => idOf(left, rank)),
    right: Int32Array.from(pairs, ([, right], rank) => idOf(right, rank)),
    result: Int32Array.from(pairs, ([left, right], rank) => idOf(left + withoutPrefix(right, prefix), rank)),
  };
}

function mergeParts(merge: Json, rank: number): readonly [string, string] {
  const path = `model.merges[${rank}]`;
  const parts = typeof merge === "string" ? merge.split(" ") : asArray(merge, path);
  if (parts.length !== 2) {
    throw new FormatError({ op: OP, operand: path, expected: "two tokens", actual: describe(merge) });
  }
  return [asString(parts[0], path), asString(parts[1], path)];
}

/** The right part of a merge as it stands in the result: HF cuts as many bytes as the prefix has, whatever they are. */
function withoutPrefix(token: string, prefix: string): string {
  if (token.startsWith(prefix)) return token.slice(prefix.length);
  const encoder = new TextEncoder();
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    encoder.encode(token).subarray(encoder.encode(prefix).length),
  );
}

function mergeId(vocab: ReadonlyMap<string, number>, token: string, rank: number): number {
  const id = vocab.get(token);
  if (id !== undefined) return id;
  const expected = "tokens of model.vocab that join to a token of model.vocab";
  throw new FormatError({ op: OP, operand: `model.merges[${rank}]`, expected, actual: `unknown ${describe(token)}` });
}

function writeBpe(vocab: ReadonlyMap<string, number>, merges: Merges, settings: BpeSettings): string {
  const token = new Map([...vocab].map(([text, id]) => [id, JSON.stringify(text)]));
  const table = new PairTable(merges);
  const pairs: string[] = [];
  merges.left.forEach((left, rank) => {
    const right = merges.right[rank]!;
    // Of a pair listed twice the last rank counts, and HF writes no other.
    if (table.rankOf(left, right) === rank) pairs.push(arrayText([token.get(left)!, token.get(right)!]));
  });
  const { dropout, ...others } = settings;
  return objectText([
    ["type", '"BPE"'],
    ["dropout", dropout === null ? "null" : floatText(dropout)],
    ...Object.entries(others).map(([key, value]) => [key, JSON.stringify(value)] as const),
    ["vocab", vocabText(vocab)],
    ["merges", arrayText(pairs)],
  ]);
}
