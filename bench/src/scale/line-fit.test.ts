import { expect, test } from "vitest";
import { fitLine } from "./line-fit.ts";

const LENGTHS = [256, 512, 1024, 2048];
const along = (of: (x: number) => number): [number, number][] => LENGTHS.map((x) => [x, of(x)]);

test("a line gives its slope and intercept, without deviation or bend", () => {
  const fit = fitLine(along((x) => 5000 + 12 * x));
  expect(fit.slope).toBeCloseTo(12, 9);
  expect(fit.intercept).toBeCloseTo(5000, 6);
  expect(fit.deviation).toBeCloseTo(0, 12);
  expect(fit.bend).toBeCloseTo(0, 12);
});

test("a quadratic part bends the line by the difference of its outer segments' slopes", () => {
  const fit = fitLine(along((x) => 1000 * x + x * x));
  // Segments of x^2: 256 + 512 and 1024 + 2048.
  expect(fit.bend * fit.slope).toBeCloseTo(3072 - 768, 6);
  expect(fit.bend).toBeGreaterThan(0.1);
  expect(fit.deviation).toBeGreaterThan(0.1);
});

test("what grows less and less has a negative bend", () => {
  expect(fitLine(along(Math.sqrt)).bend).toBeLessThan(0);
});
