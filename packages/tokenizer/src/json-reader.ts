import { FormatError } from "@ds3/errors";

/** Parsed JSON before any of it has been checked. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}

const OP = "parseTokenizer";

/** The value as an object. @throws FormatError naming `path`. */
export function asObject(value: Json | undefined, path: string, op: string = OP): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrongType(path, "an object", value, op);
}

/** The value as an array. @throws FormatError naming `path`. */
export function asArray(value: Json | undefined, path: string, op: string = OP): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw wrongType(path, "an array", value, op);
}

/** The value as a string. @throws FormatError naming `path`. */
export function asString(value: Json | undefined, path: string, op: string = OP): string {
  if (typeof value === "string") return value;
  throw wrongType(path, "a string", value, op);
}

/** The value as a token id. Ids index arrays, so they end at 2^24. @throws FormatError naming `path`. */
export function asId(value: Json | undefined, path: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 24) return value;
  throw wrongType(path, "an integer id in [0, 2^24)", value);
}

function wrongType(path: string, expected: string, value: Json | undefined, op: string = OP): FormatError {
  return new FormatError({ op, operand: path, expected, actual: describe(value) });
}

/** A short text of a JSON value for error messages. */
export function describe(value: Json | undefined): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
