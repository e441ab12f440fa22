import { ConfigError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { expectNear, integers, normals, testOp, uniforms, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { type GrpoLossRefOptions, grpoLossRef } from "./grpo-loss.ref.ts";
import { type GrpoLossOptions, grpoLoss } from "./grpo-loss.ts";
import { GRPO_LOSSES, type GrpoLossName, type RatioLevel } from "./types.ts";

type Params = GrpoLossRefOptions & GrpoLossOptions;

const CLIP = { epsilonLow: 0.2, epsilonHigh: 0.28 };

/** Completions of the given lengths whose ratios keep clear of the clipping borders and of each other's branches. */
function caseOf(lengths: readonly number[], loss: GrpoLossName, ratio: RatioLevel, beta: number): Params {
  const starts = Int32Array.from([0, ...lengths], (_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
  const R = starts.at(-1)!;
  const next = uniforms(R + 1);
  const noise = normals(2 * R, R + 7);
  const completionOf = (t: number): number => starts.findLastIndex((start) => start <= t);
  // Log-ratios of -0.4, -0.1, 0.1 or 0.4: a step beyond the border on either side, or a step within.
  const levels = [-0.4, -0.1, 0.1, 0.4];
  const policy = logProbsOf(R);
  const old = policy.map((value, t) => {
    const level = ratio === "sequence" ? completionOf(t) : Math.floor(4 * next());
    return value - levels[level % 4]!;
  });
  return {
    starts,
    advantages: normals(lengths.length, 3),
    oldLogProbs: Float32Array.from(old),
    ...(beta > 0 ? { referenceLogProbs: Float32Array.from(policy, (value, t) => value + 0.4 * noise[t]!) } : {}),
    ...{ loss, ratio, beta, maxTokens: 200, ...CLIP },
  };
}

function logProbsOf(count: number): Float64Array {
  const next = uniforms(count);
  return Float64Array.from({ length: count }, () => Math.fround(-0.1 - 3 * next()));
}

const SHAPES: readonly (readonly number[])[] = [[1], [7, 0, 3], [127, 1], [129, 64, 0, 5], integersBelow(40, 9)];

function integersBelow(count: number, below: number): number[] {
  return [...integers(count, below, 5)];
}

const VARIANTS = GRPO_LOSSES.flatMap((loss) => (["token", "sequence"] as const).map((ratio) => ({ loss, ratio })));
const CASES: readonly { readonly label: string; readonly params: Params }[] = [
  ...VARIANTS.map(({ loss, ratio }) => ({
    label: `${loss}, ${ratio}`,
    params: caseOf([129, 0, 64, 5], loss, ratio, 0.3),
  })),
  ...SHAPES.map((lengths) => ({ label: `lengths ${lengths}`, params: caseOf(lengths, "grpo", "token", 0.04) })),
  { label: "no reference", params: caseOf([7, 9], "dapo", "sequence", 0) },
  {
    label: "denominators of a larger step",
    params: { ...caseOf([7, 9], "dapo", "token", 0.1), denominators: { completions: 5, tokens: 40 } },
  },
];

testOp<Params>("grpoLoss", {
  cases: CASES.map(({ label, params }) => {
    const values = logProbsOf(params.oldLogProbs.length);
    return { label, params, inputs: { logProbs: { shape: [values.length], values } } };
  }),
  op: ({ logProbs }, params) => {
    const { loss, ratio, kl, surrogate, clipped, meanKl, clipFraction, meanRatio } = grpoLoss(logProbs!, params);
    return [loss, ratio, kl, surrogate, clipped, meanKl, clipFraction, meanRatio];
  },
  reference: ({ logProbs }, params) => {
    const { loss, ratio, kl, surrogate, clipped } = grpoLossRef(logProbs!, params);
    const mean = (values: Float64Array): Float64Array =>
      Float64Array.of(values.reduce((a, b) => a + b) / values.length);
    return { outputs: [Float64Array.of(loss), ratio, kl, surrogate, clipped, mean(kl), mean(clipped), mean(ratio)] };
  },
});

testOp<Params>("grpoLoss, gradient", {
  cases: CASES.map(({ label, params }) => {
    const values = logProbsOf(params.oldLogProbs.length);
    return { label, params, inputs: { logProbs: { shape: [values.length], values } } };
  }),
  op: ({ logProbs }, params) => grpoLoss(logProbs!, params).loss,
  reference: ({ logProbs }, params) => {
    const { loss, gradient } = grpoLossRef(logProbs!, params);
    return {
      outputs: [Float64Array.of(loss)],
      backward: ([seed]) => ({ logProbs: gradient.map((value) => value * seed![0]!) }),
    };
  },
});

describe("grpoLoss", () => {
  const device = useTestGpu();
  const params = caseOf([5, 3], "grpo", "token", 0.1);

  test("the cases clip on both sides", () => {
    const { clipped, ratio } = grpoLossRef(logProbsOf(198), caseOf([129, 0, 64, 5], "grpo", "token", 0));
    const sides = [0, 1].map(
      (side) => clipped.filter((flag, t) => flag === 1 && ratio[t]! > 1 === (side === 1)).length,
    );
    expect(Math.min(...sides)).toBeGreaterThan(10);
  });

  test("k3 keeps its digits where policy and reference are close", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = Float32Array.of(-1, -1, -1);
    const referenceLogProbs = Float32Array.from([1e-3, -1e-3, 0], (d) => -1 + d);
    const one = { starts: Int32Array.of(0, 3), advantages: [0], oldLogProbs: policy, beta: 1, loss: "grpo" } as const;
    const { kl } = grpoLoss(gpu.tensor(policy), { ...one, referenceLogProbs });
    const d = Array.from(referenceLogProbs, (value) => value + 1);
    const want = d.map((x) => (x * x) / 2 + x ** 3 / 6);
    expectNear("k3", await kl.data(), want, [3], 1e-6);
  });

  test("the gradient adds to one that is there already, scaled by the loss's own", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = logProbsOf(8);
    const logProbs = tape.watch(gpu.tensor(values));
    const losses = [0, 1].map(() => grpoLoss(logProbs, params).loss);
    tape.backwardFrom(losses.map((loss, i) => [loss, gpu.full([1], 1 + i)] as const));
    const want = grpoLossRef(values, params).gradient.map((value) => 3 * value);
    expectNear("gradient", await tape.gradient(logProbs)!.data(), want, [8], 2e-5);
  });

  test("log-probs that are a view off the alignment", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const values = logProbsOf(8);
    const all = tape.watch(gpu.tensor([0, ...values]));
    const { loss } = grpoLoss(all.slice(1, 9), params);
    tape.backward(loss);
    const want = grpoLossRef(values, params);
    expectNear("loss", await loss.data(), [want.loss], [1], 2e-5);
    expectNear("gradient", await tape.gradient(all)!.data(), [0, ...want.gradient], [9], 2e-5);
  });

  test.each([
    ["no tokens", [0, 0]],
    ["no completions", []],
  ])("%s: the loss is 0 and nothing has a gradient", async (_, lengths) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const none = caseOf(lengths, "grpo", "token", 0.1);
    const weight = tape.watch(gpu.full([2], 3));
    const { loss, meanKl, clipFraction, meanRatio } = grpoLoss(weight.slice(0, 0), { ...none, starts: none.starts });
    for (const figure of [loss, meanKl, clipFraction, meanRatio]) expect(await figure.item()).toBe(0);
    tape.backward(loss);
    expect(tape.gradient(weight)).toBeUndefined();
  });

  test("a log-prob that is not a number reaches loss and gradient", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logProbs = tape.watch(gpu.tensor([Number.NaN, ...logProbsOf(7)]));
    const { loss } = grpoLoss(logProbs, params);
    tape.backward(loss);
    expect(await loss.item()).toBeNaN();
    expect((await tape.gradient(logProbs)!.data())[0]).toBeNaN();
  });

  test("errors", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logProbs = gpu.zeros([8]);
    const call = (changes: Partial<GrpoLossOptions>) => () => grpoLoss(logProbs, { ...params, ...changes });
    expect(call({ loss: "drgrpo" as GrpoLossName })).toThrow(/loss: .*got "drgrpo"\. Did you mean "dr_grpo"/);
    expect(call({ ratio: "row" as RatioLevel })).toThrow(ConfigError);
    expect(call({ referenceLogProbs: undefined })).toThrow(/referenceLogProbs: .*because beta is above 0/);
    expect(call({ oldLogProbs: new Float32Array(7) })).toThrow(ShapeError);
    expect(call({ starts: Int32Array.of(0, 8) })).toThrow(/starts: expected \[N \+ 1 = 3\]/);
    expect(call({ starts: Int32Array.of(0, 9, 8) })).toThrow(/rising indices from 0 to R = 8, got 0,9,8/);
    expect(call({ starts: Int32Array.of(0, 5, 7) })).toThrow(OutOfRangeError);
    expect(call({ epsilonLow: -1 })).toThrow(/epsilonLow/);
    expect(call({ beta: Number.NaN })).toThrow(/beta/);
    expect(call({ loss: "dr_grpo", maxTokens: 0 })).toThrow(/maxTokens/);
    expect(call({ denominators: { completions: 2, tokens: 0 } })).toThrow(/denominators\.tokens/);
  });
});
