import { ShapeError } from "@ds3/errors";
import { testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { matmulBackwardRef, matmulRef } from "./matmul.ref.ts";
import { matmul } from "./matmul.ts";
import type { MatmulLayout } from "./matmul-operands.ts";

interface Params {
  readonly layout: MatmulLayout;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly batch?: number;
}

/** Sizes that miss every tile size on one side or the other, and the matvec case. */
const SIZES = [
  [1, 1, 1],
  [7, 127, 129],
  [129, 7, 127],
  [127, 129, 1],
  [1, 129, 127],
  [64, 64, 64],
] as const;

const cases = (["nn", "nt", "tn"] as const).flatMap((layout) => [
  ...SIZES.map(([m, k, n]) => ({ layout, m, k, n })),
  { layout, m: 7, k: 9, n: 5, batch: 3 },
]);

testOp<Params>("matmul", {
  cases: cases.map((params) => ({ label: JSON.stringify(params), params, inputs: inputsOf(params) })),
  op: ({ a, b }, { layout }) => matmul(a!, b!, { layout }),
  reference: ({ a, b }, { layout, m, k, n, batch = 1 }) => {
    const shape = { m, k, n, transposeA: layout === "tn", transposeB: layout === "nt" };
    const each = <T>(f: (i: number) => T): T[] => Array.from({ length: batch }, (_, i) => f(i));
    const part = (x: Float64Array, i: number): Float64Array =>
      x.subarray((i * x.length) / batch, ((i + 1) * x.length) / batch);
    return {
      outputs: [concat(each((i) => matmulRef(part(a!, i), part(b!, i), shape)))],
      backward: ([dc]) => {
        const parts = each((i) => matmulBackwardRef(part(dc!, i), part(a!, i), part(b!, i), shape));
        return { a: concat(parts.map((p) => p.a)), b: concat(parts.map((p) => p.b)) };
      },
    };
  },
});

function inputsOf({ layout, m, k, n, batch }: Params): { a: { shape: number[] }; b: { shape: number[] } } {
  const lead = batch === undefined ? [] : [batch];
  return {
    a: { shape: [...lead, ...(layout === "tn" ? [k, m] : [m, k])] },
    b: { shape: [...lead, ...(layout === "nt" ? [n, k] : [k, n])] },
  };
}

function concat(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

describe("matmul", () => {
  const device = useTestGpu();

  test("a linear layer over leading axes", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const x = gpu.tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]);
    const weight = gpu.tensor([1, 0, 0, 1, 1, 1], [3, 2]);
    const y = matmul(x, weight, { layout: "nt" });
    expect(y.shape).toEqual([2, 2, 3]);
    expect([...(await y.data())]).toEqual([1, 2, 3, 3, 4, 7, 5, 6, 11, 7, 8, 15]);
  });

  test("no terms give zeros", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const c = matmul(gpu.tensor([], [2, 0]), gpu.tensor([], [0, 3]));
    expect([...(await c.data())]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("one operand used twice gets both gradients", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const a = tape.watch(gpu.tensor([1, 2, 3, 4], [2, 2]));
    tape.backward(matmul(a, a));
    // d sum(A A) / dA_ij = column sum of A^T at i + row sum over A at j
    expect([...(await tape.gradient(a)!.data())]).toEqual([7, 11, 9, 13]);
  });

  test("mismatched sizes name both operands and the way out", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [a, b] = [gpu.zeros([4, 3]), gpu.zeros([5, 2])];
    expect(() => matmul(a, b)).toThrow(ShapeError);
    expect(() => matmul(a, b, { layout: "tt" as "tn" })).toThrow("matmul: layout: expected nn, nt, tn, got tt.");
    expect(() => matmul(a, b)).toThrow(/\[4, 3\] f32 and \[5, 2\] f32.*layout nt/s);
  });
});
