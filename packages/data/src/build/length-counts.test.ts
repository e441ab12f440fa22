import { expect, test } from "vitest";
import { addLengths, countLength, type LengthCounts, lengthBins } from "./length-counts.ts";

test("bins follow one another without a gap, and each length is in the bin that holds it", () => {
  for (const length of [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 1000, 1023, 1024, 1535, 1536, 2 ** 30, 2 ** 31 - 1]) {
    const counts: LengthCounts = [];
    countLength(counts, length);
    const bins = lengthBins(counts);
    expect(bins).toHaveLength(1);
    expect(bins[0]!.count).toBe(1);
    expect(bins[0]!.from).toBeLessThanOrEqual(length);
    expect(bins[0]!.to).toBeGreaterThan(length);
  }
  const counts: LengthCounts = [];
  for (let length = 0; length < 100; length++) countLength(counts, length);
  const bins = lengthBins(counts);
  expect(bins.map(({ from }) => from)).toEqual([0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]);
  expect(bins.slice(0, -1).map(({ from, to }) => to - from)).toEqual(bins.slice(0, -1).map(({ count }) => count));
  for (const [i, { from }] of bins.entries()) if (i > 0) expect(bins[i - 1]!.to).toBe(from);
});

test("empty bins at the ends are left out, those between stay", () => {
  const counts: LengthCounts = [];
  countLength(counts, 4);
  countLength(counts, 9);
  expect(lengthBins(counts)).toEqual([
    { from: 4, to: 6, count: 1 },
    { from: 6, to: 8, count: 0 },
    { from: 8, to: 12, count: 1 },
  ]);
  expect(lengthBins([])).toEqual([]);
  expect(lengthBins(addLengths(counts, [1]))[0]).toEqual({ from: 0, to: 1, count: 1 });
});
