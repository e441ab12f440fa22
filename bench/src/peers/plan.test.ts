import { expect, test } from "vitest";
import { labelOf } from "./contender.ts";
import { planChildren } from "./plan.ts";

const names = (only: string): string[] =>
  planChildren(only).map(({ contender, cases }) => `${labelOf(contender)}: ${cases.map(({ name }) => name).join(" ")}`);

test("all cases for everyone, ds3 first", () => {
  const plan = planChildren("");
  expect(plan.map(({ contender }) => labelOf(contender))).toEqual([
    "ds3.webgpu",
    "jax-js.webgpu",
    "jax-js.wasm",
    "jax-js.wasm-threads",
    "tfjs.webgpu",
    "tfjs.wasm",
  ]);
  expect(plan.every(({ cases }) => cases.length === 7)).toBe(true);
});

test("a ratio needs its peer and ds3, and no other process", () => {
  expect(names("ratio.gpt.tiny.train.vs.tfjs.wasm")).toEqual([
    "ds3.webgpu: gpt.tiny.train",
    "tfjs.wasm: gpt.tiny.train",
  ]);
});

test("a peer's figure needs ds3's results to be compared with", () => {
  expect(names("matmul.tn.1024.tfjs.webgpu")).toEqual(["ds3.webgpu: matmul.tn.1024", "tfjs.webgpu: matmul.tn.1024"]);
});

test("the ratio of layouts needs ds3 alone", () => {
  expect(names("512.layouts")).toEqual(["ds3.webgpu: matmul.nn.512 matmul.nt.512 matmul.tn.512"]);
});

test("an unknown name is refused and the known ones are listed", () => {
  expect(() => planChildren("conv2d")).toThrow(/matmul\.nn\.512.*jax-js\.wasm.*got "conv2d"/);
});
