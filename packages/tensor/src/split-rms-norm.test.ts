import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add } from "./arithmetic.ts";
import { splitColumnsRef } from "./columns.ref.ts";
import { rmsNormBackwardRef, rmsNormRef } from "./rms-norm.ref.ts";
import { splitRmsNorm } from "./split-rms-norm.ts";

/** Rows and parts of a case: a width, normed when positive, copied when negative. */
interface Params {
  readonly rows: number;
  readonly widths: readonly number[];
}

const eps = 0.01;

function reference(x: Float64Array, weights: readonly (Float64Array | undefined)[], { rows, widths }: Params) {
  const sizes = widths.map(Math.abs);
  const C = sizes.reduce((a, b) => a + b, 0);
  const cut = splitColumnsRef(x, sizes);
  const backward = (gradients: readonly Float64Array[]) => {
    const dx = new Float64Array(rows * C);
    const weightGradients: Record<string, Float64Array> = {};
    let from = 0;
    for (const [p, size] of sizes.entries()) {
      const weight = weights[p];
      const inner = weight ? rmsNormBackwardRef(gradients[p]!, cut[p]!, weight, eps) : undefined;
      if (inner) weightGradients[`weight${p}`] = inner.weight;
      const part = inner?.x ?? gradients[p]!;
      for (const [i, v] of part.entries()) dx[Math.floor(i / size) * C + from + (i % size)] = v;
      from += size;
    }
    return { x: dx, ...weightGradients };
  };
  return { outputs: cut.map((part, p) => (weights[p] ? rmsNormRef(part, weights[p], eps) : part)), backward };
}

const widthsOf = (parts: readonly number[]): Record<string, { shape: number[] }> =>
  Object.fromEntries(parts.flatMap((size, p) => (size > 0 ? [[`weight${p}`, { shape: [size] }]] : [])));

testOp<Params>("splitRmsNorm", {
  cases: [
    { rows: 1, widths: [3] },
    { rows: 7, widths: [-5, 7, -2] },
    { rows: 129, widths: [96, 64, -16] },
    { rows: 300, widths: [33, -1, 127] },
    { rows: 64, widths: [-40] },
  ].map((params) => ({
    label: `${params.rows} rows, ${params.widths.join(" ")}`,
    params,
    inputs: {
      x: { shape: [params.rows, params.widths.reduce((sum, size) => sum + Math.abs(size), 0)] },
      ...widthsOf(params.widths),
    },
  })),
  op: ({ x, ...weights }, { widths }) =>
    splitRmsNorm(
      x!,
      widths.map((size, p) => (size > 0 ? { size, weight: weights[`weight${p}`]! } : { size: -size })),
      { eps },
    ),
  reference: ({ x, ...weights }, params) =>
    reference(
      x!,
      params.widths.map((_, p) => weights[`weight${p}`]),
      params,
    ),
});

testOp("splitRmsNorm of a view, used twice", {
  cases: [
    {
      label: "rows 1 to 4 of 5",
      params: { rows: 3, widths: [6, -3] },
      inputs: { x: { shape: [5, 9] }, weight0: { shape: [6] } },
    },
  ],
  op: ({ x, weight0 }) => {
    const rows = x!.slice(1, 4);
    const parts = [{ size: 6, weight: weight0! }, { size: 3 }];
    const [a, b] = [splitRmsNorm(rows, parts, { eps }), splitRmsNorm(rows, parts, { eps })];
    return [add(a[0]!, b[0]!), a[1]!];
  },
  reference: ({ x, weight0 }, params) => {
    const one = reference(x!.subarray(9, 36), [weight0, undefined], params);
    return {
      outputs: [one.outputs[0]!.map((v) => 2 * v), one.outputs[1]!],
      backward: ([first, second]) => {
        const gradients = one.backward([first!.map((v) => 2 * v), second!]);
        const dx = new Float64Array(45);
        dx.set(gradients.x, 9);
        return { ...gradients, x: dx };
      },
    };
  },
});

const device = useTestGpu();

test("a part without a gradient has one of zeros; operands are checked", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const x = tape.watch(gpu.full([2, 4], 1));
  const [, rest] = splitRmsNorm(x, [{ size: 3, weight: gpu.full([3], 1) }, { size: 1 }], { eps });
  tape.backward(rest!);
  expect([...(await tape.gradient(x)!.data())]).toEqual([0, 0, 0, 1, 0, 0, 0, 1]);
  const attempt =
    (parts: Parameters<typeof splitRmsNorm>[1], e = eps) =>
    () =>
      splitRmsNorm(x, parts, { eps: e });
  expect(attempt([{ size: 3 }])).toThrow("sizes > 0 that add up to the last axis of x [2, 4], got [3].");
  expect(attempt([{ size: 4, weight: gpu.zeros([3]) }])).toThrow(
    "splitRmsNorm: parts[0].weight: expected [4], got [3].",
  );
  expect(attempt([{ size: 1 }, { size: 1 }, { size: 1 }, { size: 1 }])).toThrow("at most 3 parts, 2 different weights");
  expect(attempt([{ size: 4 }], -1)).toThrow("splitRmsNorm: eps: expected >= 0, got -1.");
});
