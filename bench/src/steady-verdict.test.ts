import { expect, test } from "vitest";
import { type MemorySample, residentGrowth, steadyProblems } from "./steady-verdict.ts";

const first: MemorySample = {
  step: 3,
  liveBuffers: 12,
  peakBytes: 84_000_000,
  poolBuffers: 90,
  deviceBuffers: 95,
  residentBytes: 400_000_000,
};
const last = { ...first, step: 1000 };

test("nothing moved", () => {
  expect(steadyProblems(first, last)).toEqual([]);
});

test.each([
  ["liveBuffers", 13],
  ["peakBytes", 84_000_256],
  ["poolBuffers", 91],
  ["deviceBuffers", 1092],
])("%s that moved is named with both values and steps", (key, value) => {
  const problems = steadyProblems(first, { ...last, [key]: value });
  expect(problems).toEqual([
    `${key} went from ${first[key as keyof MemorySample]} after step 3 to ${value} after step 1000`,
  ]);
});

test("process memory has to grow by less than 5 %", () => {
  const grown = (share: number): MemorySample => ({ ...last, residentBytes: 400_000_000 * (1 + share) });
  expect(steadyProblems(first, grown(0.049))).toEqual([]);
  expect(steadyProblems(first, grown(-0.2))).toEqual([]);
  expect(steadyProblems(first, grown(0.06))).toEqual(["process memory grew by 6.0 %, allowed are less than 5.0 %"]);
  expect(residentGrowth(first, grown(0.06))).toBeCloseTo(0.06, 12);
});
