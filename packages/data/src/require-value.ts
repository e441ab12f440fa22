import { ConfigError } from "@ds3/errors";

/** True for an object that is neither null nor an array. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws ConfigError for a value that is no object. */
export function requireObject(op: string, operand: string, value: unknown): void {
  if (!isObject(value)) throw new ConfigError({ op, operand, expected: "an object", actual: shown(value) });
}

/** @throws ConfigError for a value that is none of `choices`. */
export function requireChoice(op: string, operand: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === "string" && choices.includes(value)) return;
  const expected = choices.map((choice) => `"${choice}"`).join(" or ");
  throw new ConfigError({ op, operand, expected, actual: shown(value) });
}

/** @throws ConfigError for what cannot be gone through, and for a string. */
export function requireIterable(op: string, operand: string, value: unknown): void {
  if (typeof value === "object" && value !== null && Symbol.iterator in value) return;
  throw new ConfigError({ op, operand, expected: "an array or another iterable", actual: shown(value) });
}

/** A value as JSON, or as a string where JSON has no form for it. */
export function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return JSON.stringify(value) ?? String(value);
}
