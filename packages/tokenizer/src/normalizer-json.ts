import { asArray, asObject, asString, describe, type Json, type JsonObject } from "./json-reader.ts";
import { createSequence, type Normalizer } from "./normalizers/normalizer.ts";
import { createPrepend } from "./normalizers/prepend.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

type Parse = (json: JsonObject, path: string) => Normalizer;

const parsers: Readonly<Record<string, Parse>> = {
  Sequence: (json, path) => {
    const list = asArray(json.normalizers, `${path}.normalizers`);
    return createSequence(list.map((item, i) => parseStep(item, `${path}.normalizers[${i}]`)));
  },
  Prepend: (json, path) => createPrepend(asString(json.prepend, `${path}.prepend`)),
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
    op: "parseTokenizer",
    operand: `${path}.type`,
    expected: `one of ${Object.keys(parsers).join(", ")}`,
    actual: describe(object.type),
  });
}
