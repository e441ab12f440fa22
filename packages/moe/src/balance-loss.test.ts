import { ConfigError, ShapeError } from "@ds3/errors";
import { expectNear, testOp, uniforms, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { balanceLossRef } from "./balance-loss.ref.ts";
import { balanceLoss } from "./balance-loss.ts";
import { largest } from "./route.ref.ts";
import type { BalanceTopk } from "./types.ts";

interface Params {
  readonly batch: number;
  readonly length: number;
  readonly nRoutedExperts: number;
  readonly numExpertsPerTok: number;
  readonly balanceTopk: BalanceTopk;
  readonly balanceLossWeight: number;
}

const SIZES = [
  [1, 1, 8, 2],
  [3, 7, 5, 4],
  [1, 127, 16, 4],
  [2, 129, 6, 1],
  [1, 3, 256, 8],
] as const;
const CASES: readonly Params[] = (["literal", "selected"] as const).flatMap((balanceTopk) =>
  SIZES.map(([batch, length, nRoutedExperts, numExpertsPerTok]) => ({
    ...{ batch, length, nRoutedExperts, numExpertsPerTok, balanceTopk, balanceLossWeight: 0.7 },
  })),
);

/** Affinities in (0, 1). */
function affinities(count: number): Float64Array {
  const next = uniforms(count);
  return Float64Array.from({ length: count }, () => Math.fround(0.05 + 0.9 * next()));
}

/** Choices that differ from the largest scores. */
function choices(scores: Float64Array, { batch, length, nRoutedExperts: E, numExpertsPerTok: K }: Params): number[] {
  return Array.from({ length: batch * length }, (_, t) =>
    largest(
      scores.subarray(t * E, (t + 1) * E).map((s, e) => s + (e % 3) / 2),
      K,
    ),
  ).flat();
}

testOp<Params>("balanceLoss", {
  cases: CASES.map((params) => ({
    label: `${params.balanceTopk} B ${params.batch} L ${params.length} E ${params.nRoutedExperts}`,
    params,
    inputs: scoresOf(params),
  })),
  op: ({ scores }, params, gpu) => {
    const T = params.batch * params.length;
    const indices = gpu.tensor(choices(scoresOf(params).scores.values, params), [T, params.numExpertsPerTok], "u32");
    return balanceLoss(scores!, indices, { ...params, sequences: params.batch });
  },
  reference: ({ scores }, params) => {
    const { loss, gradLogits } = balanceLossRef(scores!, choices(scoresOf(params).scores.values, params), params);
    return {
      outputs: [Float64Array.of(loss)],
      backward: ([grad]) => ({ scores: gradLogits.map((g, i) => (grad![0]! * g) / (scores![i]! * (1 - scores![i]!))) }),
    };
  },
});

function scoresOf({ batch, length, nRoutedExperts: E }: Params): { scores: { shape: number[]; values: Float64Array } } {
  const T = batch * length;
  return { scores: { shape: [T, E], values: affinities(T * E) } };
}

describe("balanceLoss", () => {
  const device = useTestGpu();

  test("an even load and even scores cost alpha", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const indices = gpu.tensor([0, 1, 2, 3], [4, 1], "u32");
    const options = { sequences: 1, balanceLossWeight: 0.5, balanceTopk: "selected" } as const;
    expect(await balanceLoss(gpu.full([4, 4], 0.5), indices, options).item()).toBe(0.5);
  });

  test("the gradient adds to one that is there already, scaled by the loss's own", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const options = { batch: 2, length: 3, nRoutedExperts: 4, numExpertsPerTok: 2, balanceLossWeight: 0.3 } as const;
    const params = { ...options, balanceTopk: "selected" } as const;
    const { values } = scoresOf(params).scores;
    using tape = gpu.tape();
    const scores = tape.watch(gpu.tensor(values, [6, 4]));
    const indices = gpu.tensor(choices(values, params), [6, 2], "u32");
    const losses = [0, 1].map(() => balanceLoss(scores, indices, { ...params, sequences: 2 }));
    tape.backwardFrom(losses.map((loss, i) => [loss, gpu.full([], 1 + i)] as const));
    const { gradLogits } = balanceLossRef(values, choices(values, params), params);
    const want = gradLogits.map((g, i) => (3 * g) / (values[i]! * (1 - values[i]!)));
    expectNear("gradient", await tape.gradient(scores)!.data(), want, [6, 4], 2e-5);
  });

  test("errors", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [scores, indices] = [gpu.full([6, 4], 0.5), gpu.zeros([6, 2], "u32")];
    const options = { sequences: 4, balanceLossWeight: 1, balanceTopk: "literal" } as const;
    expect(() => balanceLoss(scores, indices, options)).toThrow(ShapeError);
    expect(() => balanceLoss(scores, indices, options)).toThrow(/expected 4 sequences of equal length, got 6 tokens/);
    const wrong = { ...options, sequences: 3, balanceTopk: "raw" as BalanceTopk };
    expect(() => balanceLoss(scores, indices, wrong)).toThrow(ConfigError);
    expect(() => balanceLoss(scores, gpu.zeros([5, 2], "u32"), options)).toThrow(/indices: expected \[T=6, K\], got/);
  });
});
