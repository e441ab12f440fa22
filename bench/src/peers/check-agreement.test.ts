import { expect, test } from "vitest";
import { AGREEMENT, findDisagreement } from "./check-agreement.ts";
import type { Measurement } from "./messages.ts";

function losses(...results: number[]): Measurement {
  const common = { adapter: "", note: "", calls: 1, seconds: 1 };
  return { type: "measurement", name: "gpt.tiny.train", value: 1, unit: "tokens/s", ...common, results };
}

test("losses within 1e-4 agree", () => {
  expect(AGREEMENT).toBe(1e-4);
  expect(findDisagreement("tfjs.wasm", losses(7.5, 7.25), losses(7.50009, 7.24991))).toBeUndefined();
});

test("a disagreement names the peer, the step and both values", () => {
  expect(findDisagreement("tfjs.wasm", losses(7.5, 7.25, 7), losses(7.5, 7.2502, 6))).toBe(
    "gpt.tiny.train.tfjs.wasm: loss of step 2 is 7.2502, ds3's 7.25",
  );
});

test("NaN agrees with nothing", () => {
  expect(findDisagreement("tfjs.wasm", losses(7.5), losses(Number.NaN))).toMatch(/loss of step 1 is NaN/);
});

test("missing losses are a disagreement", () => {
  expect(findDisagreement("jax-js.wasm", losses(7.5, 7.25), losses(7.5))).toMatch(/jax-js\.wasm: 1 results, ds3 has 2/);
});
