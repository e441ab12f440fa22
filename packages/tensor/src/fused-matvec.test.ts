import { ShapeError } from "@ds3/errors";
import { testOp, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { fusedMatvecRef } from "./fused-matvec.ref.ts";
import { fusedMatvec } from "./fused-matvec.ts";
import type { Tensor } from "./tensor.ts";

const eps = 1e-5;
const shapes = [
  [1, 1, 4],
  [1, 7, 8],
  [1, 6400, 256],
  [3, 127, 96],
  [2, 129, 260],
  [1, 64, 1028],
] as const;

for (const kind of ["none", "residual", "norm", "norm and residual", "swiglu", "norm and swiglu"] as const) {
  const has = (part: string): boolean => kind.includes(part);
  testOp(`fusedMatvec ${kind}`, {
    cases: shapes.map(([A, N, K]) => ({
      label: `[${A}, ${K}] x [${N}, ${K}]`,
      inputs: {
        x: { shape: [A, K] },
        weight: { shape: [has("swiglu") ? 2 * N : N, K] },
        ...(has("norm") ? { gain: { shape: [K] } } : {}),
        ...(has("residual") ? { residual: { shape: [A, N] } } : {}),
      },
      params: K,
    })),
    op: ({ x, weight, gain, residual }) => fusedMatvec(x!, weight!, optionsOf({ gain, residual })),
    reference: ({ x, weight, gain, residual }, K) => ({
      outputs: [
        fusedMatvecRef(x!, weight!, K, {
          ...(gain ? { gain, eps } : {}),
          ...(residual ? { residual } : {}),
          swiglu: has("swiglu"),
        }),
      ],
    }),
  });

  function optionsOf({ gain, residual }: { gain: Tensor | undefined; residual: Tensor | undefined }) {
    const norm = gain ? { norm: { gain, eps } } : {};
    return { ...norm, ...(residual ? { residual } : {}), swiglu: has("swiglu") };
  }
}

const device = useTestGpu();

test("a row that is not finite leaves the results of other rows alone", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const weight = gpu.tensor(Array.from({ length: 4 * 36 }, (_, i) => (Math.floor(i / 36) === 2 ? Number.NaN : 1)));
  const y = await fusedMatvec(gpu.full([1, 36], 1), weight.reshape([4, 36])).data();
  expect([y[0], y[1], y[3]]).toEqual([36, 36, 36]);
  expect(y[2]).toBeNaN();
});

test("refuses what it cannot do by name", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const product = (K: number, rows: number, options = {}): (() => Tensor) => {
    return () => fusedMatvec(gpu.zeros([2, K]), gpu.zeros([rows, K]), options);
  };
  expect(product(6, 3)).toThrow(ShapeError);
  expect(product(6, 3)).toThrow(/fusedMatvec: x: expected rows of a positive multiple of 4 numbers, got 6/);
  expect(product(8, 3, { swiglu: true })).toThrow(/weight: expected gate and up rows, an even number, got 3/);
  expect(product(8, 4, { swiglu: true, residual: gpu.zeros([2, 2]) })).toThrow(/residual: expected none with swiglu/);
  expect(product(8, 4, { residual: gpu.zeros([2, 3]) })).toThrow(/residual/);
  expect(product(8, 4, { norm: { gain: gpu.zeros([7]), eps } })).toThrow(/gain/);
});
