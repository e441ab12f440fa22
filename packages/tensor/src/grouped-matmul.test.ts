import { DtypeError, ShapeError } from "@ds3/errors";
import { testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { groupedMatmulBackwardRef, groupedMatmulRef } from "./grouped-matmul.ref.ts";
import { createRowGroups, groupedMatmul } from "./grouped-matmul.ts";

interface Params {
  readonly offsets: readonly number[];
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** Empty groups first, in the middle and last; one row; more rows than one tile; sizes off every tile. */
const cases: Params[] = [
  { offsets: [0, 1], inFeatures: 1, outFeatures: 1 },
  { offsets: [0, 0, 5, 5, 7, 7], inFeatures: 7, outFeatures: 9 },
  { offsets: [0, 127, 129], inFeatures: 33, outFeatures: 65 },
  { offsets: [0, 3, 260, 261], inFeatures: 16, outFeatures: 8 },
];

testOp<Params>("groupedMatmul", {
  cases: cases.map((params) => {
    const [R, E] = [params.offsets.at(-1)!, params.offsets.length - 1];
    const inputs = {
      x: { shape: [R, params.inFeatures] },
      weights: { shape: [E, params.outFeatures, params.inFeatures] },
    };
    return { label: `offsets ${params.offsets} I${params.inFeatures} O${params.outFeatures}`, params, inputs };
  }),
  op: ({ x, weights }, { offsets }, gpu) =>
    groupedMatmul(x!, weights!, createRowGroups(gpu.tensor(offsets, [offsets.length], "u32"), offsets.at(-1)!)),
  reference: ({ x, weights }, params) => ({
    outputs: [groupedMatmulRef(x!, weights!, params)],
    backward: ([dy]) => groupedMatmulBackwardRef(dy!, x!, weights!, params),
  }),
});

describe("groupedMatmul", () => {
  const device = useTestGpu();

  test("weights of a parameter gather the gradients of two calls", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const weights = gpu.tensor([1, 2, 3, 4], [2, 1, 2]);
    weights.grad = gpu.zeros([2, 1, 2]);
    const groups = createRowGroups(gpu.tensor([0, 2, 2], [3], "u32"), 2);
    const x = gpu.tensor([1, 10, 2, 20], [2, 2]);
    const y = groupedMatmul(x, weights, groups);
    const again = groupedMatmul(x, weights, groups);
    tape.backwardFrom([
      [y, gpu.full([2, 1], 1)],
      [again, gpu.full([2, 1], 1)],
    ]);
    expect([...(await weights.grad.data())]).toEqual([6, 60, 0, 0]);
  });

  test("operands that do not fit are named", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const groups = createRowGroups(gpu.tensor([0, 2, 4], [3], "u32"), 4);
    expect(() => groupedMatmul(gpu.zeros([4, 3]), gpu.zeros([3, 5, 3]), groups)).toThrow(ShapeError);
    expect(() => groupedMatmul(gpu.zeros([4, 3]), gpu.zeros([2, 5, 4]), groups)).toThrow(/E=2/);
    expect(() => createRowGroups(gpu.zeros([3]), 4)).toThrow(DtypeError);
  });
});
