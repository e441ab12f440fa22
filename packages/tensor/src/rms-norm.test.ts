import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { rmsNormBackwardRef, rmsNormRef } from "./rms-norm.ref.ts";
import { rmsNorm } from "./rms-norm.ts";

const eps = 1e-6;

testOp("rmsNorm", {
  cases: [
    [1, 1],
    [7, 7],
    [2, 3, 129],
    [129, 127],
    [1, 1000],
    [700, 5],
  ].map((shape) => ({
    label: `[${shape.join(", ")}]`,
    inputs: { x: { shape }, weight: { shape: [shape.at(-1)!] } },
    // With one column and a small eps the two terms of dx cancel to nothing.
    params: shape.at(-1) === 1 ? 0.5 : eps,
  })),
  op: ({ x, weight }, eps) => rmsNorm(x!, weight!, { eps }),
  reference: ({ x, weight }, eps) => ({
    outputs: [rmsNormRef(x!, weight!, eps)],
    backward: ([dy]) => rmsNormBackwardRef(dy!, x!, weight!, eps),
  }),
});

testOp("rmsNorm of a view, both operands used twice", {
  cases: [{ label: "[5, 9]", inputs: { x: { shape: [5, 9] }, weight: { shape: [9] } }, params: undefined }],
  op: ({ x, weight }) => {
    const rows = x!.slice(1, 4);
    return add(rmsNorm(rows, weight!, { eps: 0.5 }), rmsNorm(rows, weight!, { eps: 0.1 }));
  },
  reference: ({ x, weight }) => {
    const rows = x!.subarray(9, 36);
    const first = rmsNormRef(rows, weight!, 0.5);
    const second = rmsNormRef(rows, weight!, 0.1);
    return {
      outputs: [first.map((v, i) => v + second[i]!)],
      backward: ([dy]) => {
        const [a, b] = [0.5, 0.1].map((e) => rmsNormBackwardRef(dy!, rows, weight!, e));
        const grad = new Float64Array(45);
        grad.set(
          a!.x.map((v, i) => v + b!.x[i]!),
          9,
        );
        return { x: grad, weight: a!.weight.map((v, i) => v + b!.weight[i]!) };
      },
    };
  },
});

const device = useTestGpu();

test("a row of zeros stays finite, forward and backward", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.zeros([1, 8]));
  const y = rmsNorm(x, gpu.full([8], 1), { eps });
  tape.backward(y);
  expect([...(await y.data())]).toEqual(Array(8).fill(0));
  for (const value of await tape.gradient(x)!.data()) expect(value).toBeCloseTo(1 / Math.sqrt(eps), 1);
});

test("a parameter's gradient is added to, the same bits in every run", async () => {
  const { gpu } = device;
  const run = async (): Promise<number[]> => {
    using _scope = gpu.scope();
    const weight = gpu.tensor([1, 2, 3]);
    weight.grad = gpu.tensor([100, 200, 300]);
    using tape = gpu.tape();
    const x = gpu.tensor(
      Float32Array.from({ length: 3 * 999 }, (_, i) => Math.sin(i)),
      [999, 3],
    );
    tape.backward(rmsNorm(x, weight, { eps }));
    return [...(await weight.grad.data())];
  };
  const first = await run();
  expect(await run()).toEqual(first);
  const ones = new Float64Array(3 * 999).fill(1);
  const sines = Float64Array.from(ones, (_, i) => Math.fround(Math.sin(i)));
  const want = rmsNormBackwardRef(ones, sines, Float64Array.of(1, 2, 3), eps).weight;
  for (const [i, value] of first.entries()) expect(value).toBeCloseTo(100 * (i + 1) + want[i]!, 3);
});

test("operands are checked", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const x = gpu.zeros([2, 8]);
  expect(() => rmsNorm(x, gpu.zeros([7]), { eps })).toThrow(
    "rmsNorm: weight: expected [D], D > 0 the last axis of x [2, 8], got [7].",
  );
  expect(() => rmsNorm(x, gpu.zeros([8]), { eps: -1 })).toThrow("rmsNorm: eps: expected >= 0, got -1.");
  expect(() => rmsNorm(x, gpu.zeros([8], "bf16"), { eps })).toThrow("rmsNorm: weight: expected f32, got [8] bf16.");
});
