import { OutOfRangeError } from "@ds3/errors";

/** @throws OutOfRangeError for anything but an integer in `[low, high]`; `high` is 2^53 - 1 if left out. */
export function requireInteger(
  op: string,
  operand: string,
  value: unknown,
  low: number,
  high: number = Number.MAX_SAFE_INTEGER,
  hint?: string,
): void {
  if (Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high) return;
  const expected =
    high === Number.MAX_SAFE_INTEGER ? `an integer of at least ${low}` : `an integer from ${low} to ${high}`;
  throw new OutOfRangeError({ op, operand, expected, actual: String(value), ...(hint !== undefined && { hint }) });
}
