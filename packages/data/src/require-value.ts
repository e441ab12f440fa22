import { ConfigError } from "@ds3/errors";

/** True for an object that is neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
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

/** A value as JSON, or as a string where JSON has no form for it; of a long one its beginning. */
export function shown(value: unknown): string {
  if (Array.isArray(value) && value.length > MOST_ENTRIES) return `an array of ${value.length}`;
  const text = asText(value);
  return text.length > MOST_UNITS ? `${text.slice(0, MOST_UNITS)}…` : text;
}

const MOST_ENTRIES = 20;
const MOST_UNITS = 200;

function asText(value: unknown): string {
  if (typeof value === "number") return String(value); // NaN and Infinity, too
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value === "object" ? "an object" : String(value); // a circle, or a bigint
  }
}
