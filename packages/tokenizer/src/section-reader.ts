import { FormatError } from "@ds3/errors";
import { asCount } from "./json-fields.ts";
import { describe, type Json } from "./json-reader.ts";

/** The value as one of some words. @throws FormatError naming `path` and the words. */
export function oneOf<Word extends string>(value: Json | undefined, words: readonly Word[], path: string): Word {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const expected = words.map((word) => `"${word}"`).join(" or ");
  throw new FormatError({ op: "parseTokenizer", operand: path, expected, actual: describe(value) });
}

/** The value as a count. @throws FormatError naming `path`. */
export const wholeNumber: (value: Json | undefined, path: string) => number = asCount;
