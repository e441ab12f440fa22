import { expect, test } from "vitest";
import type { Figure } from "../figure.ts";
import { ratiosOf } from "./ratios.ts";

function figure(name: string, value: number): Figure {
  return { name, value, unit: "GFLOP/s", adapter: "ours" };
}

test("a ratio is ds3's speed over the peer's", () => {
  const ratios = ratiosOf([
    figure("gpt.tiny.train.ds3.webgpu", 1200),
    figure("gpt.tiny.train.jax-js.webgpu", 300),
    figure("gpt.tiny.train.tfjs.wasm", 2400),
  ]);
  expect(ratios).toEqual([
    { name: "ratio.gpt.tiny.train.vs.jax-js.webgpu", value: 4, unit: "ratio", adapter: "ours" },
    { name: "ratio.gpt.tiny.train.vs.tfjs.wasm", value: 0.5, unit: "ratio", adapter: "ours" },
  ]);
});

test("a ratio needs both sides", () => {
  expect(ratiosOf([figure("matmul.nn.512.tfjs.webgpu", 2)])).toEqual([]);
  expect(ratiosOf([figure("matmul.nn.512.ds3.webgpu", 2), figure("matmul.nn.1024.tfjs.webgpu", 2)])).toEqual([]);
});

test("layouts: the fastest over the slowest, once all three are there", () => {
  const two = [figure("matmul.nn.512.ds3.webgpu", 25), figure("matmul.nt.512.ds3.webgpu", 20)];
  expect(ratiosOf(two)).toEqual([]);
  expect(ratiosOf([...two, figure("matmul.tn.512.ds3.webgpu", 22)])).toMatchObject([
    { name: "ratio.matmul.512.layouts", value: 1.25 },
  ]);
});
