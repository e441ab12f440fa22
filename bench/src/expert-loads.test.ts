import { expect, test } from "vitest";
import { expertLoads, offsetsOf } from "./expert-loads.ts";

test("balanced loads differ by one row at most and add up", () => {
  expect(expertLoads("balanced", 2048, 8)).toEqual(Array(8).fill(256));
  const uneven = expertLoads("balanced", 100, 7);
  expect(uneven.reduce((a, b) => a + b)).toBe(100);
  expect(Math.max(...uneven) - Math.min(...uneven)).toBe(1);
});

test("skewed loads fall as 1 / rank, leave one expert empty, and add up", () => {
  const loads = expertLoads("skewed", 2048, 8);
  expect(loads[4]).toBe(0);
  expect(loads.reduce((a, b) => a + b)).toBe(2048);
  const ranked = loads.filter((load) => load > 0);
  expect(ranked).toHaveLength(7);
  for (const [i, load] of ranked.entries()) expect(Math.abs(load - ranked[0]! / (i + 1))).toBeLessThanOrEqual(1);
});

test("offsets are the running sum", () => {
  expect([...offsetsOf([3, 0, 5])]).toEqual([0, 3, 3, 8]);
});
