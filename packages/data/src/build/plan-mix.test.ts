import { expect, test } from "vitest";
import { planMix } from "./plan-mix.ts";

const sources = [
  { name: "web", paths: "w" },
  { name: "math", paths: "m" },
];

test("without a mix every source comes as often as it says", () => {
  expect(planMix([sources[0]!, { ...sources[1]!, repeat: 2.5 }], [100, 10], undefined)).toEqual([1, 2.5]);
});

test("weights are shares of the bytes, and the bytes in all are those there are", () => {
  const repeats = planMix(sources, [900, 100], { weights: { web: 3, math: 1 } });
  expect(repeats).toEqual([750 / 900, 2.5]);
});

test("a source at its most scales all down, so that the shares hold", () => {
  const [web, math] = planMix(sources, [900, 100], { weights: { web: 1, math: 1 }, maxRepeat: 2 });
  expect(math).toBeCloseTo(2, 12);
  expect(web! * 900).toBeCloseTo(200, 9);
});

test("temperature 1 keeps the shares, a high one evens them out", () => {
  expect(planMix(sources, [900, 100], { temperature: 1 }).map((r) => r.toFixed(9))).toEqual([
    "1.000000000",
    "1.000000000",
  ]);
  const [web, math] = planMix(sources, [900, 100], { temperature: 2 });
  expect((web! * 900) / (math! * 100)).toBeCloseTo(3, 9);
});

test("a source of which nothing is left, or that weighs nothing, does not come", () => {
  expect(planMix(sources, [900, 0], { weights: { web: 1, math: 1 } })).toEqual([1, 0]);
  expect(planMix(sources, [900, 100], { weights: { web: 0, math: 1 } })).toEqual([0, 4]);
  expect(planMix(sources, [0, 0], { temperature: 1 })).toEqual([0, 0]);
});
