import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { windowErrors, windowStarts } from "./window-errors.ts";

test("each sixth's mean against the other's, with its sign; what is left over belongs to the last", () => {
  const base = Array.from({ length: 13 }, () => 2);
  const other = [2, 2, 2, 3, 1, 1, 2, 2, 2, 2, 2, 2, 5];
  const expected = [0, 0.25, -0.5, 0, 0, 0.5];
  for (const [i, error] of windowErrors(base, other).entries()) expect(error).toBeCloseTo(expected[i]!, 12);
  expect(windowStarts(13)).toEqual([0, 2, 4, 6, 8, 10]);
});

test("a course of fewer steps has windows of one", () => {
  expect(windowErrors([1, 2], [2, 1])).toEqual([1, -0.5]);
});

test.each([
  [[], []],
  [[1], [1, 2]],
])("%j and %j are not compared", (base, other) => {
  expect(() => windowErrors(base, other)).toThrow(OutOfRangeError);
});
