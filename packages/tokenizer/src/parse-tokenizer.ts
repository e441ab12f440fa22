/**
 * Reading tokenizer.json, the format of HF tokenizers.
 *
 * What a file asks for is either done exactly or refused by name: a tokenizer that silently skipped a step would give
 * almost the right ids.
 */
import { FormatError } from "@ds3/errors";
import type { AddedToken } from "./added-tokens.ts";
import { assembleTokenizer } from "./assemble-tokenizer.ts";
import { asBoolean } from "./json-fields.ts";
import { asArray, asId, asObject, asString, describe, type Json } from "./json-reader.ts";
import { parseModel } from "./models/model-json.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const OP = "parseTokenizer";

/** Options of `parseTokenizer`. */
export interface ParseTokenizerOptions {
  /** Numbers in [0, 1), for a model with dropout; such a file is refused without them. */
  readonly random?: (() => number) | undefined;
}

/**
 * A tokenizer from the text of a tokenizer.json.
 *
 * Accepts: models BPE, WordPiece, Unigram and WordLevel; every normalizer, pre-tokenizer, post-processor and decoder of
 * HF tokenizers 0.23; merges as "a b" or as pairs; added tokens inside or beyond the vocabulary.
 * @throws FormatError when the text is no tokenizer.json; UnsupportedTokenizerError naming a part that is not known, or
 * asks for what cannot be done exactly. Both name the part by its path, `pre_tokenizer.pretokenizers[1].type`.
 */
export function parseTokenizer(json: string, options: ParseTokenizerOptions = {}): Tokenizer {
  const file = asObject(parseJson(json), "tokenizer.json");
  if (file.version !== undefined && file.version !== "1.0") throw unknownVersion(file.version);
  const { model, added_tokens: addedTokens, ...sections } = file;
  return assembleTokenizer(
    sections,
    (byteLevel) => parseModel(model, { byteLevel, random: options.random }),
    (vocab) => parseAddedTokens(addedTokens, vocab),
  );
}

function parseJson(json: string): Json {
  try {
    return JSON.parse(json) as Json;
  } catch (cause) {
    const actual = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError({ op: OP, operand: "tokenizer.json", expected: "valid JSON", actual, cause });
  }
}

function unknownVersion(version: Json): UnsupportedTokenizerError {
  return new UnsupportedTokenizerError({ op: OP, operand: "version", expected: '"1.0"', actual: describe(version) });
}

function parseAddedTokens(value: Json | undefined, vocab: ReadonlyMap<string, number>): AddedToken[] {
  if (value === undefined) return [];
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
  const flag = (key: string): boolean => asBoolean(item[key], `${path}.${key}`);
  return {
    id: asId(item.id, `${path}.id`),
    content: asString(item.content, `${path}.content`),
    special: flag("special"),
    normalized: flag("normalized"),
    lstrip: flag("lstrip"),
    rstrip: flag("rstrip"),
    singleWord: flag("single_word"),
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
