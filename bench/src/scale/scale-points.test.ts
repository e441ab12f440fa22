import { countParameters } from "@ds3/deepseek";
import { expect, test } from "vitest";
import { LENGTHS, pointName, SIZES, scalePoints, TOKENS_PER_STEP } from "./scale-points.ts";

test("sizes at least double, lengths divide a step, and every model has room for the longest", () => {
  const counts = Object.values(SIZES).map((config) => countParameters(config).total);
  for (const [i, count] of counts.slice(1).entries()) expect(count).toBeGreaterThan(2 * counts[i]!);
  for (const length of LENGTHS) expect(TOKENS_PER_STEP % length).toBe(0);
  for (const { maxPositionEmbeddings } of Object.values(SIZES)) {
    expect(maxPositionEmbeddings).toBeGreaterThanOrEqual(LENGTHS.at(-1)!);
  }
});

test("each size meets each length once, with and without checkpoints", () => {
  const names = scalePoints().map(pointName);
  expect(names).toHaveLength(Object.keys(SIZES).length * LENGTHS.length * 2);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain("scale.mini.1024.checkpoint");
});
