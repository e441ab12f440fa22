import { expectNear, testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { rmsNormBackwardRef, rmsNormRef } from "./rms-norm.ref.ts";
import { addRmsNorm, rmsNorm } from "./rms-norm.ts";

const eps = 1e-6;

testOp("rmsNorm", {
  cases: [
    [1, 1],
    [7, 7],
    [2, 3, 129],
    [129, 127],
    [64, 160],
    [7, 4],
    [300, 36],
    [65, 33],
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

testOp("addRmsNorm", {
  cases: [
    [1, 1],
    [7, 7],
    [2, 3, 129],
    [129, 127],
    [300, 64],
  ].map((shape) => ({
    label: `[${shape.join(", ")}]`,
    inputs: { x: { shape }, y: { shape }, weight: { shape: [shape.at(-1)!] } },
    params: shape.at(-1) === 1 ? 0.5 : eps,
  })),
  op: ({ x, y, weight }, eps) => {
    const { sum, normed } = addRmsNorm(x!, y!, weight!, { eps });
    return [sum, normed];
  },
  reference: addRmsNormReference,
});

testOp("addRmsNorm of a view, added to itself and to a gradient that is there", {
  cases: [{ label: "[6, 40]", inputs: { x: { shape: [6, 40] }, weight: { shape: [40] } }, params: eps }],
  op: ({ x, weight }, eps) => {
    const rows = x!.slice(1, 6);
    const { sum, normed } = addRmsNorm(rows, rows, weight!, { eps });
    return [add(sum, rows), normed];
  },
  reference: ({ x, weight }, eps) => {
    const rows = x!.subarray(40);
    const { outputs, backward } = addRmsNormReference({ x: rows, y: rows, weight: weight! }, eps);
    return {
      outputs: [outputs[0].map((v, i) => v + rows[i]!), outputs[1]],
      backward: ([dsum, dy]) => {
        const inner = backward([dsum!, dy!]);
        const grad = new Float64Array(x!.length);
        grad.set(
          inner.x.map((v, i) => 2 * v + dsum![i]!),
          40,
        );
        return { x: grad, weight: inner.weight };
      },
    };
  },
});

function addRmsNormReference(
  { x, y, weight }: Readonly<Record<string, Float64Array>>,
  eps: number,
): {
  outputs: [Float64Array, Float64Array];
  backward: (gradients: readonly Float64Array[]) => Record<"x" | "y" | "weight", Float64Array>;
} {
  const sum = x!.map((v, i) => v + y![i]!);
  return {
    outputs: [sum, rmsNormRef(sum, weight!, eps)],
    backward: ([dsum, dy]) => {
      const norm = rmsNormBackwardRef(dy!, sum, weight!, eps);
      const both = norm.x.map((v, i) => v + dsum![i]!);
      return { x: both, y: both, weight: norm.weight };
    },
  };
}

const device = useTestGpu();

test("addRmsNorm passes on the one gradient that came", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const run = async (pick: "sum" | "normed"): Promise<ArrayLike<number>[]> => {
    using tape = gpu.tape();
    const x = tape.watch(gpu.tensor([1, 2, 3, 4], [2, 2]));
    const weight = tape.watch(gpu.tensor([2, -1]));
    const result = addRmsNorm(x, gpu.tensor([0, 1, 0, 1], [2, 2]), weight, { eps });
    tape.backward(result[pick], gpu.tensor([1, 2, 3, 4], [2, 2]));
    return [await tape.gradient(x)!.data(), (await tape.gradient(weight)?.data()) ?? []];
  };
  expect(await run("sum")).toEqual([Float32Array.of(1, 2, 3, 4), []]);
  const want = rmsNormBackwardRef(
    Float64Array.of(1, 2, 3, 4),
    Float64Array.of(1, 3, 3, 5),
    Float64Array.of(2, -1),
    eps,
  );
  const [dx, dweight] = await run("normed");
  expectNear("dx", dx!, want.x, [2, 2], 2e-5);
  expectNear("dweight", dweight!, want.weight, [2], 2e-5);
});

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
  expect(() => addRmsNorm(x, gpu.zeros([8, 2]), gpu.zeros([8]), { eps })).toThrow(
    "addRmsNorm: y: expected [2, 8], the shape of x, got [8, 2].",
  );
  expect(() => rmsNorm(x, gpu.zeros([8], "bf16"), { eps })).toThrow("rmsNorm: weight: expected f32, got [8] bf16.");
});
