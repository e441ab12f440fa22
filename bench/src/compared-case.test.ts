import { expect, test } from "vitest";
import { ratioFigures } from "./compared-case.ts";
import type { Figure } from "./figure.ts";

test("a ratio says how many times as fast the first figure is as each of the others", () => {
  const figure = (value: number): Figure => ({ name: "fp8.linear", value, unit: "GFLOP/s", adapter: "one" });
  expect(ratioFigures(figure(30), ["f32", "bf16"], [figure(20), figure(60)])).toEqual([
    { name: "ratio.fp8.linear.vs.f32", value: 1.5, unit: "ratio", adapter: "one" },
    { name: "ratio.fp8.linear.vs.bf16", value: 0.5, unit: "ratio", adapter: "one" },
  ]);
});
