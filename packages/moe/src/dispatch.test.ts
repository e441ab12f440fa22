import { ShapeError } from "@ds3/errors";
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
