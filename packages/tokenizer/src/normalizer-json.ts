import { FormatError } from "@ds3/errors";
import { asPattern } from "./json-fields.ts";
import { asArray, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { createBertNormalizer } from "./normalizers/bert.ts";
import { byteLevelNormalizer } from "./normalizers/byte-level.ts";
import { lowercase } from "./normalizers/lowercase.ts";
import { nmt } from "./normalizers/nmt.ts";
import { nfc, nfd, nfkc, nfkd } from "./normalizers/normalization-form.ts";
import { createSequence, type Normalizer } from "./normalizers/normalizer.ts";
import { createPrecompiled, readCharacterMap } from "./normalizers/precompiled.ts";
import { createPrepend } from "./normalizers/prepend.ts";
import { createReplace } from "./normalizers/replace.ts";
import { createStrip, stripAccents } from "./normalizers/strip.ts";
import { fromOniguruma } from "./oniguruma-regex.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const OP = "parseTokenizer";

type Parse = (json: JsonObject, path: string) => Normalizer;

const parsers: Readonly<Record<string, Parse>> = {
  Sequence: (json, path) => {
    const list = asArray(json.normalizers, `${path}.normalizers`);
    return createSequence(list.map((item, i) => parseStep(item, `${path}.normalizers[${i}]`)));
  },
  NFC: () => nfc,
  NFD: () => nfd,
  NFKC: () => nfkc,
  NFKD: () => nfkd,
  Lowercase: () => lowercase,
  Nmt: () => nmt,
  StripAccents: () => stripAccents,
  ByteLevel: () => byteLevelNormalizer,
  Strip: (json, path) =>
    createStrip({
      left: asBoolean(json.strip_left, `${path}.strip_left`),
      right: asBoolean(json.strip_right, `${path}.strip_right`),
    }),
  Prepend: (json, path) => createPrepend(asString(json.prepend, `${path}.prepend`)),
  Replace: parseReplace,
  BertNormalizer: parseBert,
  Precompiled: parsePrecompiled,
};

/**
 * The normalizer that a tokenizer.json describes; undefined when it has none or an empty Sequence.
 * @throws FormatError when a part is malformed; UnsupportedTokenizerError naming a part that is not known.
 */
export function parseNormalizer(json: Json | undefined): Normalizer | undefined {
  if (json === undefined || json === null) return undefined;
  const object = asObject(json, "normalizer");
  if (object.type === "Sequence" && asArray(object.normalizers, "normalizer.normalizers").length === 0)
    return undefined;
  return parseStep(object, "normalizer");
}

function parseStep(json: Json, path: string): Normalizer {
  const object = asObject(json, path);
  const type = asString(object.type, `${path}.type`);
  const parse = Object.hasOwn(parsers, type) ? parsers[type] : undefined;
  if (parse !== undefined) return parse(object, path);
  throw new UnsupportedTokenizerError({
    op: OP,
    operand: `${path}.type`,
    expected: `one of ${Object.keys(parsers).join(", ")}`,
    actual: describe(object.type),
  });
}

function parseReplace(json: JsonObject, path: string): Normalizer {
  const content = asString(json.content, `${path}.content`);
  const { isRegex, source } = asPattern(json.pattern, `${path}.pattern`);
  return createReplace(isRegex ? fromOniguruma(source) : source, content);
}

function parseBert(json: JsonObject, path: string): Normalizer {
  const strip = json.strip_accents ?? undefined;
  return createBertNormalizer({
    cleanText: asBoolean(json.clean_text, `${path}.clean_text`),
    handleChineseChars: asBoolean(json.handle_chinese_chars, `${path}.handle_chinese_chars`),
    stripAccents: strip === undefined ? undefined : asBoolean(strip, `${path}.strip_accents`),
    lowercase: asBoolean(json.lowercase, `${path}.lowercase`),
  });
}

function parsePrecompiled(json: JsonObject, path: string): Normalizer {
  const operand = `${path}.precompiled_charsmap`;
  const base64 = asString(json.precompiled_charsmap, operand);
  const map = readCharacterMap(bytesOfBase64(base64));
  if (map !== undefined) return createPrecompiled(map);
  const expected = "a character map in base64: a size, a double array, texts that end in a zero byte";
  throw new FormatError({ op: OP, operand, expected, actual: describe(base64) });
}

/** The bytes; none when the text is not base64. */
function bytesOfBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function asBoolean(value: Json | undefined, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw new FormatError({ op: OP, operand: path, expected: "true or false", actual: describe(value) });
}
