import { integers, testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { argmaxRowsRef } from "./argmax-rows.ref.ts";
import { argmaxRows } from "./argmax-rows.ts";

testOp("argmaxRows", {
  cases: [
    [1, 1],
    [7, 7],
    [129, 127],
    [2, 5003],
    [300, 3],
  ].map(([T = 0, V = 0]) => ({
    label: `[${T}, ${V}]`,
    inputs: { logits: { shape: [T, V], values: integers(T * V, 5, V).map((v) => v - 9) } },
    params: V,
  })),
  op: ({ logits }) => argmaxRows(logits!),
  reference: ({ logits }, V) => ({ outputs: [Float64Array.from(argmaxRowsRef(logits!, V))] }),
  tolerance: 0,
});

const device = useTestGpu();

test("rows of minus infinity, and a view", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const low = Number.NEGATIVE_INFINITY;
  const logits = gpu.tensor([9, 1, 1, low, low, low, low, low, -5], [3, 3]);
  expect([...(await argmaxRows(logits.slice(1, 3)).data<"u32">())]).toEqual([0, 2]);
});

test("operands are checked", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  expect(() => argmaxRows(gpu.zeros([3]))).toThrow("argmaxRows: logits: expected [T, V], got [3].");
  expect(() => argmaxRows(gpu.zeros([3, 0]))).toThrow("argmaxRows: V: expected 1 to 16777216, got 0.");
});
