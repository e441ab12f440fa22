import { ConfigError } from "@ds3/errors";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** True for a JSON object, not for null or a list. */
export function isJsonObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throw the ConfigError of a key: what was expected, the value that came, what to do. */
export function refuse(key: string, expected: string, value: unknown, hint?: string): never {
  const actual = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)).slice(0, 120);
  throw new ConfigError({ op: "parseConfig", operand: key, expected, actual, ...(hint === undefined ? {} : { hint }) });
}
