import { DtypeError } from "@ds3/errors";
import { toWellFormed } from "./utf8.ts";

/**
 * The text well-formed, as `toWellFormed` does.
 *
 * Callers without types may hand over something else, which would fail somewhere inside or be spelled "undefined".
 * @throws DtypeError for what is no string.
 */
export function requireText(text: unknown): string {
  if (typeof text === "string") return toWellFormed(text);
  const actual = text === null ? "null" : typeof text;
  throw new DtypeError({ op: "encode", operand: "text", expected: "a string", actual });
}
