/** Checks of single values of a build's config: each names the key, what is expected and what came. */
import { ConfigError, didYouMean, OutOfRangeError } from "@ds3/errors";
import { isObject, shown as show } from "../require-value.ts";

const OP = "buildCorpus";

/** @throws ConfigError unless it is an object with known keys alone, or left out where that is allowed. */
export function requireKnown(operand: string, value: unknown, keys: string): void {
  if (!isObject(value)) throw wrong(operand, "an object", show(value));
  const known = keys.split(" ");
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw wrong(operand, "known keys", show(unknown), didYouMean(unknown, known));
}

/** @throws ConfigError unless it is true, false or an object. */
export function requireSwitch(operand: string, value: unknown): void {
  if (typeof value === "boolean" || isObject(value)) return;
  throw wrong(operand, "true, false or an object of settings", show(value));
}

/** @throws ConfigError unless it is true or false. */
export function requireBoolean(operand: string, value: unknown): void {
  if (typeof value !== "boolean") throw wrong(operand, "true or false", show(value));
}

/** @throws ConfigError */
export function requireText(operand: string, value: unknown): void {
  if (typeof value !== "string" || value === "") throw wrong(operand, "a text that is not empty", show(value));
}

/** @throws ConfigError unless it is a text or a list of some. */
export function requirePaths(operand: string, value: unknown): void {
  const paths = Array.isArray(value) ? value : [value];
  if (paths.length === 0) throw wrong(operand, "at least one path", "none");
  for (const path of paths) requireText(operand, path);
}

/** @throws ConfigError */
export function requireChoice(operand: string, value: unknown, choices: readonly unknown[]): void {
  if (choices.includes(value)) return;
  const hint = typeof value === "string" ? didYouMean(value, choices.map(String)) : undefined;
  throw wrong(operand, choices.join(" or "), show(value), hint);
}

/** @throws OutOfRangeError unless it is a number in the range. */
export function requireNumber(
  operand: string,
  value: unknown,
  [low, high]: readonly [number, number],
  isWhole = false,
): void {
  const isFit = typeof value === "number" && value >= low && value <= high && (!isWhole || Number.isInteger(value));
  if (isFit) return;
  const expected = `${isWhole ? "an integer" : "a number"} in [${low}, ${high}]`;
  throw new OutOfRangeError({ op: OP, operand, expected, actual: show(value) });
}

/** The error for a value that is wrong. */
export function wrong(operand: string, expected: string, actual: string, hint?: string): ConfigError {
  return new ConfigError({ op: OP, operand, expected, actual, ...(hint === undefined ? {} : { hint }) });
}

export { isObject, show };
