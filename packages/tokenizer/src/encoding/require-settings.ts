import { OutOfRangeError } from "@ds3/errors";
import type { Padding } from "./padding.ts";
import { DIRECTIONS, STRATEGIES, type Truncation } from "./truncation.ts";

/** Lengths and type ids are stored as Int32. */
const COUNTS = 2 ** 31;
/** Ids index arrays, so they end at 2^24. */
const IDS = 2 ** 24;

/** @throws OutOfRangeError naming the setting of `setTruncation` that is at fault. */
export function requireTruncation({ maxLength, stride, strategy, direction }: Truncation): void {
  const op = "setTruncation";
  requireWhole(op, "maxLength", maxLength, COUNTS);
  if (stride !== undefined) requireWhole(op, "stride", stride, COUNTS);
  requireWord(op, "strategy", strategy, STRATEGIES);
  requireWord(op, "direction", direction, DIRECTIONS);
}

/** @throws OutOfRangeError naming the setting of `setPadding` that is at fault. */
export function requirePadding({ length, direction, padToMultipleOf, padId, padTypeId, padToken }: Padding): void {
  const op = "setPadding";
  if (length !== undefined) requireWhole(op, "length", length, COUNTS);
  requireWord(op, "direction", direction, DIRECTIONS);
  if (padToMultipleOf !== undefined) requireWhole(op, "padToMultipleOf", padToMultipleOf, COUNTS);
  requireWhole(op, "padId", padId, IDS);
  if (padTypeId !== undefined) requireWhole(op, "padTypeId", padTypeId, COUNTS);
  if (typeof padToken !== "string") throw outOfRange(op, "padToken", "a text", padToken);
}

function requireWhole(op: string, operand: string, value: number, bound: number): void {
  if (Number.isInteger(value) && value >= 0 && value < bound) return;
  throw outOfRange(op, operand, `an integer in [0, ${bound})`, value);
}

function requireWord(op: string, operand: string, value: string | undefined, words: readonly string[]): void {
  if (value === undefined || words.includes(value)) return;
  throw outOfRange(op, operand, words.map((word) => `"${word}"`).join(" or "), value);
}

function outOfRange(op: string, operand: string, expected: string, value: unknown): OutOfRangeError {
  const actual = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new OutOfRangeError({ op, operand, expected, actual });
}
