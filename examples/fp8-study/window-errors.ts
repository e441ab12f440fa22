import { OutOfRangeError } from "@ds3/errors";
import { meanOf } from "./loss-error.ts";

/**
 * When a run leaves another's course: the mean loss of each window of `windowStarts` relative to the other's, signed; 0.01 is
 * one per cent.
 * @throws OutOfRangeError for courses of different lengths, or without a step.
 */
export function windowErrors(base: readonly number[], other: readonly number[]): number[] {
  if (base.length !== other.length || base.length === 0) {
    const expected = "as many losses as the other run has, at least one";
    const actual = `${other.length} of ${base.length}`;
    throw new OutOfRangeError({ op: "windowErrors", operand: "other", expected, actual });
  }
  const starts = windowStarts(base.length);
  return starts.map((start, i) => {
    const end = starts[i + 1];
    return meanOf(other.slice(start, end)) / meanOf(base.slice(start, end)) - 1;
  });
}

/** Where the six windows of a course begin, from 0, or as many as it has steps; what is left over belongs to the last. */
export function windowStarts(steps: number): number[] {
  const count = Math.min(6, steps);
  return Array.from({ length: count }, (_, i) => i * Math.floor(steps / count));
}
