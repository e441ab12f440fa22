import { DtypeError, ShapeError } from "@ds3/errors";
import { cast, type Tensor } from "@ds3/tensor";
import { roundToBf16Ref } from "@ds3/tensor/reference";
import { integers, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { combineBackwardRef, combineRef } from "./combine.ref.ts";
import { combine } from "./combine.ts";
import { dispatchBackwardRef, dispatchRef, planDispatchRef } from "./dispatch.ref.ts";
import { dispatch } from "./dispatch.ts";
import { planDispatch } from "./plan-dispatch.ts";

interface Sizes {
  readonly T: number;
  readonly K: number;
  readonly D: number;
}

/** Odd numbers of tokens; D with and without vectors of four. */
const CASES: readonly Sizes[] = [
  { T: 1, K: 2, D: 8 },
  { T: 7, K: 1, D: 7 },
  { T: 127, K: 3, D: 4 },
  { T: 129, K: 2, D: 129 },
  { T: 5, K: 8, D: 1 },
];
const E = 11;

const choices = ({ T, K }: Sizes): Int32Array => {
  const first = integers(T, E, T);
  return Int32Array.from({ length: T * K }, (_, i) => (first[Math.floor(i / K)]! + 3 * (i % K)) % E);
};
const label = ({ T, K, D }: Sizes): string => `T ${T} K ${K} D ${D}`;

testOp<Sizes>("dispatch", {
  cases: CASES.map((params) => ({ label: label(params), params, inputs: { x: { shape: [params.T, params.D] } } })),
  op: ({ x }, sizes, gpu) => dispatch(x!, planDispatch(gpu.tensor(choices(sizes), [sizes.T, sizes.K], "u32"), E)),
  reference: ({ x }, sizes) => {
    const plan = planDispatchRef(choices(sizes), sizes.K, E);
    return {
      outputs: [dispatchRef(x!, plan, sizes.D)],
      backward: ([gradRows]) => ({ x: dispatchBackwardRef(gradRows!, plan, sizes.D) }),
    };
  },
});

testOp<Sizes>("combine", {
  cases: CASES.map((params) => ({
    label: label(params),
    params,
    inputs: {
      rows: { shape: [params.T * params.K, params.D] },
      weights: { shape: [params.T, params.K] },
      base: { shape: [params.T, params.D] },
      residual: { shape: [params.T, params.D] },
    },
  })),
  op: ({ rows, weights, base, residual }, sizes, gpu) => {
    const plan = planDispatch(gpu.tensor(choices(sizes), [sizes.T, sizes.K], "u32"), E);
    return combine(rows!, weights!, plan, { base: base!, residual: residual! });
  },
  reference: ({ rows, weights, base, residual }, sizes) => {
    const plan = planDispatchRef(choices(sizes), sizes.K, E);
    return {
      outputs: [combineRef(rows!, weights!, plan, sizes.D).map((y, i) => y + base![i]! + residual![i]!)],
      backward: ([gradOut]) => ({
        ...combineBackwardRef(gradOut!, rows!, weights!, plan, sizes.D),
        base: gradOut!,
        residual: gradOut!,
      }),
    };
  },
});

/** D odd, where rows end in half a word, even, and of whole vectors; one row that is shorter than a vector of f32. */
const BF16_CASES: readonly Sizes[] = [
  { T: 1, K: 1, D: 4 },
  { T: 7, K: 1, D: 7 },
  { T: 5, K: 8, D: 1 },
  { T: 6, K: 8, D: 12 },
  { T: 33, K: 2, D: 129 },
  { T: 9, K: 2, D: 6 },
];

testOp<Sizes>("combine of bf16", {
  cases: BF16_CASES.map((params) => {
    const { T, K, D } = params;
    const rows = { shape: [T * K, D], values: normals(T * K * D, 9).map(roundToBf16Ref) };
    return { label: label(params), params, inputs: { rows, weights: { shape: [T, K] } } };
  }),
  op: ({ rows, weights }, sizes, gpu) => {
    const plan = planDispatch(gpu.tensor(choices(sizes), [sizes.T, sizes.K], "u32"), E);
    return combine(cast(rows!, "bf16"), weights!, plan);
  },
  reference: ({ rows, weights }, sizes) => {
    const plan = planDispatchRef(choices(sizes), sizes.K, E);
    return {
      outputs: [combineRef(rows!, weights!, plan, sizes.D)],
      backward: ([gradOut]) => combineBackwardRef(gradOut!, rows!, weights!, plan, sizes.D),
    };
  },
});

describe("dispatch and combine", () => {
  const device = useTestGpu();
  const sizes = { T: 9, K: 2, D: 6 };
  const want = planDispatchRef(choices(sizes), sizes.K, E);

  test("an input used twice gets both gradients, through a view", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const plan = planDispatch(gpu.tensor(choices(sizes), [9, 2], "u32"), E);
    const all = tape.watch(gpu.tensor(normals(11 * 6, 1), [11, 6]));
    const x = all.slice(1, 10);
    const [first, second] = [dispatch(x, plan), dispatch(x, plan)];
    const [a, b] = [normals(108, 2), normals(108, 3)];
    tape.backwardFrom([
      [first, gpu.tensor(a, [18, 6])],
      [second, gpu.tensor(b, [18, 6])],
    ]);
    const expected = dispatchBackwardRef(
      a.map((v, i) => v + b[i]!),
      want,
      6,
    );
    const got = (await tape.gradient(all)!.data()).slice(6, 60);
    for (const [i, v] of expected.entries()) expect(got[i]).toBeCloseTo(v, 5);
  });

  test.each(["rows", "weights"] as const)("only the gradient of %s, twice", async (watched) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = { rows: normals(108, 4), weights: normals(18, 5), up: normals(54, 6) };
    const plan = planDispatch(gpu.tensor(choices(sizes), [9, 2], "u32"), E);
    const inputs = { rows: gpu.tensor(values.rows, [18, 6]), weights: gpu.tensor(values.weights, [9, 2]) };
    tape.watch(inputs[watched]);
    const seed = gpu.tensor(values.up, [9, 6]);
    const runs = [0, 1].map(() => combine(inputs.rows, inputs.weights, plan));
    tape.backwardFrom(runs.map((y) => [y, seed] as const));
    const expected = combineBackwardRef(values.up, values.rows, values.weights, want, 6)[watched];
    const got = await tape.gradient(inputs[watched])!.data();
    for (const [i, v] of expected.entries()) expect(got[i]).toBeCloseTo(2 * v, 4);
  });

  test.each([
    { T: 13, K: 2, D: 8 },
    { T: 13, K: 2, D: 9 },
  ])("rows of bf16 give the bits of the same rows in f32: D $D", async (shape) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { T, K, D } = shape;
    const plan = planDispatch(gpu.tensor(choices(shape), [T, K], "u32"), E);
    const rounded = cast(gpu.tensor(normals(T * K * D, 4), [T * K, D]), "bf16");
    const [base, residual, dy] = [5, 6, 7].map((seed) => gpu.tensor(normals(T * D, seed), [T, D]));
    const bits = async (rows: Tensor): Promise<Float32Array[]> => {
      using tape = gpu.tape();
      const weights = tape.watch(gpu.tensor(normals(T * K, 8), [T, K]));
      const y = combine(tape.watch(rows), weights, plan, { base: base!, residual: residual! });
      tape.backward(y, dy!);
      const gradients = [rows, weights].map((input) => tape.gradient(input)!);
      expect(gradients[0]!.dtype).toBe("f32");
      return Promise.all([y, ...gradients].map((tensor) => tensor.data()));
    };
    const wide = cast(rounded, "f32");
    expect(await bits(rounded)).toEqual(await bits(wide));
  });

  test("the tape keeps rows as they are given: half the memory in bf16", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const plan = planDispatch(gpu.tensor(choices(sizes), [9, 2], "u32"), E);
    const weights = gpu.zeros([9, 2]);
    const kept = (dtype: "f32" | "bf16"): number => {
      using tape = gpu.tape();
      tape.watch(weights);
      const before = gpu.stats.liveBytes;
      {
        using _layer = gpu.scope();
        combine(gpu.empty([18, 256], dtype), weights, plan);
      }
      return gpu.stats.liveBytes - before;
    };
    const wide = kept("f32");
    // Sizes of buffers are rounded up by less than a quarter.
    expect(wide).toBeGreaterThanOrEqual(18 * 256 * 4);
    expect(wide).toBeLessThan(1.25 * 18 * 256 * 4);
    expect(kept("bf16")).toBe(wide / 2);
  });

  test("rows are f32 or bf16, all else f32", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const plan = planDispatch(gpu.tensor(choices(sizes), [9, 2], "u32"), E);
    const [rows, weights] = [gpu.zeros([18, 6]), gpu.zeros([9, 2])];
    expect(() => combine(cast(rows, "f16"), weights, plan)).toThrow(DtypeError);
    expect(() => combine(cast(rows, "f16"), weights, plan)).toThrow(
      "combine: rows: expected f32 or bf16, got [18, 6] f16.",
    );
    expect(() => combine(rows, cast(weights, "bf16"), plan)).toThrow(
      "combine: weights: expected f32, got [9, 2] bf16.",
    );
  });

  test("errors name the operand and the plan's size", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const plan = planDispatch(gpu.tensor(choices(sizes), [9, 2], "u32"), E);
    expect(() => dispatch(gpu.zeros([8, 6]), plan)).toThrow(ShapeError);
    expect(() => dispatch(gpu.zeros([8, 6]), plan)).toThrow(/dispatch: x: expected \[9, D\], got \[8, 6\]/);
    expect(() => combine(gpu.zeros([9, 6]), gpu.zeros([9, 2]), plan)).toThrow(/combine: rows: expected \[18, D\]/);
    expect(() => combine(gpu.zeros([18, 6]), gpu.zeros([9, 3]), plan)).toThrow(/combine: weights: expected \[9, 2\]/);
  });
});
