import { FormatError } from "@ds3/errors";
import { asId, asObject, describe, type Json, type JsonObject } from "../json-reader.ts";
import { UnsupportedTokenizerError } from "../unsupported-tokenizer-error.ts";

const OP = "parseTokenizer";

/** A vocabulary in the order of its ids; ids may leave gaps. @throws FormatError for an id that two tokens have. */
export function parseVocab(value: Json | undefined): Map<string, number> {
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

/**
 * Refuse a field that no known version of the format has, unless it says nothing: it might change ids.
 * @throws UnsupportedTokenizerError naming the field.
 */
export function requireKnownFields(json: JsonObject, known: readonly string[]): void {
  for (const [key, value] of Object.entries(json)) {
    if (key === "type" || known.includes(key) || value === null || value === false) continue;
    const operand = `model.${key}`;
    const expected = `none but ${known.join(", ")}`;
    throw new UnsupportedTokenizerError({ op: OP, operand, expected, actual: describe(value) });
  }
}
