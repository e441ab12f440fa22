import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { lossError, smooth } from "./loss-error.ts";

test("the moving average begins at the first value and takes a tenth of each later one", () => {
  const smoothed = smooth([2, 4, 4, 0]);
  for (const [i, value] of [2, 2.2, 2.38, 2.142].entries()) expect(smoothed[i]).toBeCloseTo(value, 12);
});

test("a run that is one per cent above is one per cent off, at every step and in the mean", () => {
  const f32 = Array.from({ length: 9 }, (_, i) => 5 - i / 4);
  const { errors, from, mean, maximum, ofMeanLoss } = lossError(
    f32,
    f32.map((loss) => loss * 1.01),
  );
  for (const error of errors) expect(error).toBeCloseTo(0.01, 12);
  expect(from).toBe(7);
  expect(mean).toBeCloseTo(0.01, 12);
  expect(maximum.error).toBeCloseTo(0.01, 12);
  expect(ofMeanLoss).toBeCloseTo(0.01, 12);
});

test("errors of both signs add up, the error of the mean loss cancels; only the last third counts", () => {
  const f32 = Array.from({ length: 6 }, () => 1);
  // Smoothed: 3, 2.8, 2.62, 2.458, then x = 2.458 * 0.9 + 0.1 * 1.5 = 2.3622 and 0.9 x + 0.1 * 0.5 = 2.17598.
  const { errors, from, mean, maximum, ofMeanLoss } = lossError(f32, [3, 1, 1, 1, 1.5, 0.5]);
  for (const [i, error] of [2, 1.8, 1.62, 1.458, 1.3622, 1.17598].entries()) expect(errors[i]).toBeCloseTo(error, 12);
  expect(from).toBe(5);
  expect(mean).toBeCloseTo((1.3622 + 1.17598) / 2, 12);
  expect(maximum).toEqual({ error: errors[4], step: 5 });
  expect(ofMeanLoss).toBeCloseTo(0, 12);
});

test("below is an error too, and negative in the mean loss", () => {
  const { mean, signed, ofMeanLoss } = lossError([4, 4, 4], [3, 3, 3]);
  for (const error of signed) expect(error).toBeCloseTo(-0.25, 12);
  expect([mean, ofMeanLoss]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(-0.25, 12)]);
});

test.each([
  [
    [1, 1, 1],
    [1, 1],
  ],
  [
    [1, 1],
    [1, 1],
  ],
])("%j and %j are not compared", (f32, fp8) => {
  expect(() => lossError(f32, fp8)).toThrow(OutOfRangeError);
});
