import { expect, test } from "vitest";
import { drawScale } from "./scale-plot.ts";
import { scalePoints } from "./scale-points.ts";

const points = scalePoints().map((point) => ({
  ...point,
  adapter: "test adapter",
  tokensPerSecond: 1e6 / point.length,
  steps: 1,
  seconds: 1,
  peakBytes: 1e9,
  sequenceBytes: 1e5 * point.length,
  cpuFallbacks: 0,
}));

test("the drawing is one SVG with both themes' colours, every size named in both charts, and the same each time", () => {
  const svg = drawScale(points);
  expect(svg).toMatch(/^<svg\b[\s\S]*<\/svg>\n$/);
  expect(svg).toContain("prefers-color-scheme:dark");
  expect(svg).toMatch(/<title>[^<]+<\/title>/);
  for (const label of ["tiny 0.4M", "small 2.6M", "mini 9.2M", "base 28.6M"]) {
    expect(svg.split(`>${label}<`)).toHaveLength(3);
  }
  expect(svg).not.toMatch(/class=|ecmeta|NaN|undefined/);
  expect(drawScale(points)).toBe(svg);
});

test("a size that was not measured is not drawn", () => {
  const svg = drawScale(points.filter(({ size }) => size !== "base"));
  expect(svg).not.toContain("base 28.6M");
  expect(svg).toContain("mini 9.2M");
});
