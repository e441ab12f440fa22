/**
 * Reading tokenizer.json, the format of HF tokenizers.
 *
 * What a file asks for is either done exactly or refused by name: a tokenizer that silently skipped a normalizer would
 * give almost the right ids. Byte-level BPE is implemented, with added tokens and templates of one sequence.
 */
import { FormatError } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";
import { charOfByte } from "./byte-alphabet.ts";
import { asArray, asId, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { MAX_MERGES } from "./merge-word.ts";
import type { Merges } from "./pair-table.ts";
import { parsePostProcessor } from "./post-processor-json.ts";
import { parsePreTokenizer, unsupported } from "./pre-tokenizer-json.ts";
import { Tokenizer } from "./tokenizer.ts";

const OP = "parseTokenizer";

/**
 * A tokenizer from the text of a tokenizer.json.
 *
 * Accepts: byte-level BPE (GPT-2's family, DeepSeek-V3); merges as "a b" or as pairs; added tokens inside or beyond the
 * vocabulary; post-processors ByteLevel and TemplateProcessing.
 * @throws FormatError when the text is no tokenizer.json; UnsupportedTokenizerError naming the part that is not
 * implemented.
 */
export function parseTokenizer(json: string): Tokenizer {
  const file = asObject(parseJson(json), "tokenizer.json");
  for (const key of ["truncation", "padding"]) requireAbsent(file[key], key);
  requireNoNormalizer(file.normalizer);
  const decoder = asObject(file.decoder, "decoder");
  if (decoder.type !== "ByteLevel") throw unsupported("decoder.type", '"ByteLevel"', decoder.type);
  const preTokenizer = parsePreTokenizer(file.pre_tokenizer);
  const model = asObject(file.model, "model");
  if (model.type !== "BPE") throw unsupported("model.type", '"BPE"', model.type);
  const vocab = parseVocab(model.vocab);
  requirePlainBpe(model, vocab);
  const addedTokens = parseAddedTokens(file.added_tokens, vocab);
  const template = parsePostProcessor(file.post_processor);
  const { vocab: _vocab, merges: _merges, ...modelSettings } = model;
  const settings = { ...file, added_tokens: null, model: modelSettings };
  return new Tokenizer({
    vocab,
    merges: parseMerges(model.merges, vocab),
    addedTokens,
    preTokenizer,
    template,
    settings,
  });
}

function parseJson(json: string): Json {
  try {
    return JSON.parse(json) as Json;
  } catch (cause) {
    const actual = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError({ op: OP, operand: "tokenizer.json", expected: "valid JSON", actual, cause });
  }
}

function requireAbsent(value: Json | undefined, path: string): void {
  if (value !== undefined && value !== null) throw unsupported(path, "null", value);
}

function requireNoNormalizer(value: Json | undefined): void {
  if (value === undefined || value === null) return;
  const { type, normalizers } = asObject(value, "normalizer");
  if (type === "Sequence" && asArray(normalizers, "normalizer.normalizers").length === 0) return;
  throw unsupported("normalizer", "null or an empty Sequence", value);
}

function parseVocab(value: Json | undefined): Map<string, number> {
  const entries = Object.entries(asObject(value, "model.vocab"));
  const sorted = entries.map(([token, id]) => [token, asId(id, `model.vocab[${JSON.stringify(token)}]`)] as const);
  sorted.sort((a, b) => a[1] - b[1]);
  sorted.forEach(([token, id], i) => {
    if (i === 0 || sorted[i - 1]![1] !== id) return;
    const expected = `an id of its own for ${JSON.stringify(token)}`;
    throw new FormatError({ op: OP, operand: "model.vocab", expected, actual: `id ${id} twice` });
  });
  return new Map(sorted);
}

/** Options of BPE that change ids. Those about unknown characters cannot matter when every byte has a token. */
function requirePlainBpe(model: JsonObject, vocab: ReadonlyMap<string, number>): void {
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"]) {
    if (model[key] !== "") requireAbsent(model[key], `model.${key}`);
  }
  if (model.dropout !== 0) requireAbsent(model.dropout, "model.dropout");
  if (model.ignore_merges === true) throw unsupported("model.ignore_merges", "false", true);
  const hasAllBytes = Array.from({ length: 256 }, (_, byte) => vocab.has(charOfByte(byte))).every(Boolean);
  if (hasAllBytes) return;
  requireAbsent(model.unk_token, "model.unk_token");
  if (model.byte_fallback === true) throw unsupported("model.byte_fallback", "false", true);
}

function parseMerges(value: Json | undefined, vocab: ReadonlyMap<string, number>): Merges {
  const list = asArray(value, "model.merges");
  if (list.length > MAX_MERGES) throw unsupported("model.merges", `at most ${MAX_MERGES} merges`, list.length);
  const [left, right, result] = [0, 0, 0].map(() => new Int32Array(list.length)) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  list.forEach((merge, rank) => {
    const [a, b] = mergeParts(merge, rank);
    left[rank] = mergeId(vocab, a, rank);
    right[rank] = mergeId(vocab, b, rank);
    result[rank] = mergeId(vocab, a + b, rank);
  });
  return { left, right, result };
}

function mergeParts(merge: Json, rank: number): readonly [string, string] {
  const path = `model.merges[${rank}]`;
  const parts = typeof merge === "string" ? merge.split(" ") : asArray(merge, path);
  if (parts.length !== 2) {
    throw new FormatError({ op: OP, operand: path, expected: "two tokens", actual: describe(merge) });
  }
  return [asString(parts[0], path), asString(parts[1], path)];
}

function mergeId(vocab: ReadonlyMap<string, number>, token: string, rank: number): number {
  const id = vocab.get(token);
  if (id !== undefined) return id;
  const expected = "tokens of model.vocab that join to a token of model.vocab";
  throw new FormatError({ op: OP, operand: `model.merges[${rank}]`, expected, actual: `unknown ${describe(token)}` });
}

function parseAddedTokens(value: Json | undefined, vocab: ReadonlyMap<string, number>): AddedToken[] {
  if (value === undefined || value === null) return [];
  const idOfContent = new Map(vocab);
  const contentOfId = new Map([...vocab].map(([token, id]) => [id, token]));
  return asArray(value, "added_tokens").map((item, i) => {
    const token = parseAddedToken(item, `added_tokens[${i}]`);
    const sameContent = idOfContent.get(token.content) ?? token.id;
    const sameId = contentOfId.get(token.id) ?? token.content;
    if (sameContent !== token.id || sameId !== token.content) throw conflict(token, sameContent, sameId, i);
    idOfContent.set(token.content, token.id);
    contentOfId.set(token.id, token.content);
    return token;
  });
}

function parseAddedToken(value: Json, path: string): AddedToken {
  const item = asObject(value, path);
  for (const key of ["single_word", "lstrip", "rstrip"]) {
    if (item[key] === true) throw unsupported(`${path}.${key}`, "false", true);
  }
  return {
    id: asId(item.id, `${path}.id`),
    content: asString(item.content, `${path}.content`),
    special: item.special === true,
    normalized: item.normalized === true,
  };
}

function conflict({ id, content }: AddedToken, sameContent: number, sameId: string, index: number): FormatError {
  return new FormatError({
    op: OP,
    operand: `added_tokens[${index}]`,
    expected: "one id for one token",
    actual: `${describe(content)} = ${id} beside ${describe(content)} = ${sameContent} and ${describe(sameId)} = ${id}`,
  });
}
