import { expect, test } from "vitest";
import { MeasurementError } from "./measurement-error.ts";
import { firstDifference, requireEqualIds } from "./require-equal-ids.ts";

test("equal ids in arrays of any kind", () => {
  expect(firstDifference([Int32Array.of(1, 2), []], [[1, 2], new Uint32Array()])).toBeUndefined();
  expect(() => requireEqualIds("peer", [[7]], [[7]])).not.toThrow();
});

test.each([
  [[[1, 2]], [[1, 3]], { text: 0, at: 1, ours: 2, theirs: 3 }],
  [[[1], [5, 6]], [[1], [5]], { text: 1, at: 1, ours: 6 }],
  [[[1], [5]], [[1], [5, 6]], { text: 1, at: 1, theirs: 6 }],
  [[[1]], [[1], [9]], { text: 1, at: 0, theirs: 9 }],
])("%j and %j differ", (ours, theirs, difference) => {
  expect(firstDifference(ours, theirs)).toEqual(difference);
});

test("the error names the peer, the place and both ids", () => {
  const compare = (): void => requireEqualIds("tokenizers", [[1, 2]], [[1, 3]]);
  expect(compare).toThrow(/ids of text 0 at 1: expected 3, as tokenizers has it, got 2/);
  expect(compare).toThrow(expect.toSatisfy((error) => MeasurementError.is(error)));
});
