import { FormatError } from "@ds3/errors";
import { asObject, asString, describe, type Json } from "./json-reader.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** The value as true or false. @throws FormatError naming `path`. */
export function asBoolean(value: Json | undefined, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(path, "true or false", value);
}

/** True or false, `missing` when absent or null. @throws FormatError naming `path`. */
export function optionalBoolean(value: Json | undefined, path: string, missing: boolean): boolean {
  return value === undefined || value === null ? missing : asBoolean(value, path);
}

/** True or false, `missing` when absent; null is neither. @throws FormatError naming `path`. */
export function booleanOr(value: Json | undefined, path: string, missing: boolean): boolean {
  return value === undefined ? missing : asBoolean(value, path);
}

/** An object of one key, which says what its value is. @throws FormatError naming `path` and the keys there are. */
export function asVariant<Name extends string>(
  value: Json | undefined,
  path: string,
  names: readonly Name[],
): { readonly name: Name; readonly value: Json } {
  const entries = Object.entries(asObject(value, path));
  const name = names.find((known) => known === entries[0]?.[0]);
  if (entries.length === 1 && name !== undefined) return { name, value: entries[0]![1] };
  throw wrong(path, `an object with one key, ${names.join(" or ")}`, value);
}

/** A text to look for, or a regular expression as Oniguruma writes it. @throws FormatError naming `path`. */
export function asPattern(
  value: Json | undefined,
  path: string,
): { readonly isRegex: boolean; readonly source: string } {
  const { name, value: source } = asVariant(value, path, ["String", "Regex"]);
  return { isRegex: name === "Regex", source: asString(source, `${path}.${name}`) };
}

/** The value as a text of one character (code point). @throws FormatError naming `path`. */
export function asCharacter(value: Json | undefined, path: string): string {
  if (typeof value === "string" && value !== "" && value.length === (value.codePointAt(0)! > 0xffff ? 2 : 1))
    return value;
  throw wrong(path, "a string of one character", value);
}

/** The value as an integer of 0 or more. @throws FormatError naming `path`. */
export function asCount(value: Json | undefined, path: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrong(path, "an integer of 0 or more", value);
}

/** The value as a finite number. @throws FormatError naming `path`. */
export function asNumber(value: Json | undefined, path: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(path, "a number", value);
}

/** The entry of `table` for the `type` of a section. @throws UnsupportedTokenizerError naming the types there are. */
export function byType<T>(table: Readonly<Record<string, T>>, type: Json | undefined, path: string): T {
  const found = typeof type === "string" && Object.hasOwn(table, type) ? table[type] : undefined;
  if (found !== undefined) return found;
  const expected = `one of ${Object.keys(table).join(", ")}`;
  throw new UnsupportedTokenizerError({
    op: "parseTokenizer",
    operand: `${path}.type`,
    expected,
    actual: describe(type),
  });
}

function wrong(operand: string, expected: string, value: Json | undefined): FormatError {
  return new FormatError({ op: "parseTokenizer", operand, expected, actual: describe(value) });
}
