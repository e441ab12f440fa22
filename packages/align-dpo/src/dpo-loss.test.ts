import { ConfigError, DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { add } from "@ds3/tensor";
import { expectNear, integers, normals, testOp, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { type DpoLossRefOptions, dpoLossRef } from "./dpo-loss.ref.ts";
import { dpoLoss } from "./dpo-loss.ts";
import { dpoLossNames } from "./dpo-settings.ts";
import { sumSequencesRef } from "./sum-sequences.ref.ts";
import type { DpoLossName } from "./types.ts";

const SMOOTHED: readonly DpoLossName[] = ["sigmoid", "robust", "exo_pair", "aot", "aot_unpaired"];

interface Case {
  readonly logProbs: Float64Array;
  readonly options: DpoLossRefOptions;
}

/** P pairs of completions of 0 to 17 tokens, their sequences in another order than the pairs. */
function caseOf(P: number, loss: DpoLossName, beta: number, labelSmoothing = 0, nllWeight = 0): Case {
  const lengths = integers(2 * P, 18, 7 + P);
  const starts = [0];
  for (const length of lengths) starts.push(starts.at(-1)! + length);
  const logProbs = normals(starts.at(-1)!, 3 + P).map((v) => Math.fround(-Math.abs(v)));
  const sequences = Int32Array.from({ length: 2 * P }, (_, i) => (i * (2 * P - 1) + 1) % (2 * P));
  const sums = sumSequencesRef(logProbs, starts);
  const reference = normals(2 * P, 5 + P).map((v, slot) => Math.fround(sums[sequences[slot]!]! + 2 * v));
  return { logProbs, options: { starts, sequences, reference, loss, beta, labelSmoothing, nllWeight } };
}

const smoothings = (loss: DpoLossName): number[] =>
  loss === "exo_pair" ? [0.1] : SMOOTHED.includes(loss) ? [0, 0.2] : [0];
/** Beside the pairs' own losses, on one of each form of the kernel. */
const nllWeights = (loss: DpoLossName): number[] => (["sigmoid", "ipo", "aot"].includes(loss) ? [0, 0.7] : [0]);
const cases = dpoLossNames.flatMap((loss) =>
  smoothings(loss).flatMap((labelSmoothing) =>
    [
      { P: 1, beta: 0.1 },
      { P: 7, beta: 0.5 },
      { P: 129, beta: 0.3 },
    ].flatMap(({ P, beta }) =>
      nllWeights(loss).map((nllWeight) => ({ P, ...caseOf(P, loss, beta, labelSmoothing, nllWeight) })),
    ),
  ),
);

testOp<DpoLossRefOptions>("dpoLoss", {
  cases: cases.map(({ P, logProbs, options }) => ({
    label: `${options.loss} P ${P} smoothing ${options.labelSmoothing} nll ${options.nllWeight}`,
    inputs: { logProbs: { shape: [logProbs.length], values: logProbs } },
    params: options,
  })),
  op: ({ logProbs }, { reference, ...options }, gpu) =>
    dpoLoss(logProbs!, {
      ...options,
      starts: Int32Array.from(options.starts),
      sequences: Int32Array.from(options.sequences),
      referenceLogProbs: gpu.tensor(Float64Array.from(reference)),
    }).loss,
  reference: ({ logProbs }, options) => {
    const { loss, gradLogProbs } = dpoLossRef(logProbs!, options);
    return {
      outputs: [Float64Array.of(loss)],
      backward: ([grad]) => ({ logProbs: gradLogProbs.map((g) => grad![0]! * g) }),
    };
  },
  tolerance: 2e-6,
});

describe("dpoLoss", () => {
  const device = useTestGpu();

  test.each([1, 7, 129])("figures of %i pairs", async (P) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { logProbs, options } = caseOf(P, "sigmoid", 0.3);
    const want = dpoLossRef(logProbs, options);
    const got = dpoLoss(gpu.tensor(logProbs), {
      beta: 0.3,
      starts: Int32Array.from(options.starts),
      sequences: Int32Array.from(options.sequences),
      referenceLogProbs: gpu.tensor(Float64Array.from(options.reference)),
    });
    expectNear("sequences", await got.sequenceLogProbs.data(), want.sequenceLogProbs, [2 * P], 1e-6);
    expectNear("rewards", await got.rewards.data(), want.rewards, [2 * P], 2e-6);
    const scale = want.rewards.reduce((sum, reward) => sum + Math.abs(reward), 0) / P;
    const mean = (values: Float64Array): number => values.reduce((sum, v) => sum + v, 0) / P;
    for (const [tensor, value] of [
      [got.margin, want.margin],
      [got.chosenReward, mean(want.rewards.subarray(0, P))],
      [got.rejectedReward, mean(want.rewards.subarray(P))],
      [got.nll, want.nll],
    ] as const) {
      expect(tensor.shape).toEqual([1]);
      expect(Math.abs((await tensor.item()) - value)).toBeLessThan(1e-6 * scale);
    }
    expect(await got.accuracy.item()).toBeCloseTo(want.accuracy, 6);
  });

  test("far from the reference: no overflow, log-ratios from -3000 to 3000", async () => {
    const { gpu } = device;
    const ratios = [-3000, -200, -90, -20, -1, -1e-3, 0, 1e-3, 1, 20, 90, 200, 3000];
    for (const loss of dpoLossNames) {
      using _scope = gpu.scope();
      for (const ratio of ratios) {
        const options = { loss, beta: 1, labelSmoothing: loss === "exo_pair" ? 0.1 : 0 };
        const pair = { starts: Int32Array.of(0, 1, 2), sequences: Int32Array.of(0, 1), reference: [0, 0] };
        const logProbs = Float64Array.of(ratio, ratio / 2);
        const want = dpoLossRef(logProbs, { ...options, ...pair, nllWeight: 0 });
        using tape = gpu.tape();
        const policy = tape.watch(gpu.tensor(logProbs));
        const got = dpoLoss(policy, { ...options, starts: pair.starts, referenceLogProbs: gpu.zeros([2]) });
        tape.backward(got.loss);
        const label = `${loss} at ${ratio}`;
        expectNear(label, await got.loss.data(), [want.loss], [1], 2e-6);
        expectNear(`gradient of ${label}`, await tape.gradient(policy)!.data(), want.gradLogProbs, [2], 2e-6);
      }
    }
  });

  test("completions without tokens have log-prob 0; with none at all the loss is that of the reference alone", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const logProbs = tape.watch(gpu.empty([0]));
    const referenceLogProbs = gpu.tensor([0, 0]);
    const got = dpoLoss(logProbs, { starts: Int32Array.of(0, 0, 0), referenceLogProbs });
    tape.backward(got.loss);
    expect(await got.loss.item()).toBeCloseTo(Math.log(2), 6);
    expect([await got.margin.item(), await got.accuracy.item()]).toEqual([0, 0]);
    expect(tape.gradient(logProbs)!.shape).toEqual([0]);
  });

  test.each(dpoLossNames)("%s: a NaN shows", async (loss) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const options = { loss, labelSmoothing: loss === "exo_pair" ? 0.1 : 0, starts: Int32Array.of(0, 1, 2, 3, 4) };
    const got = dpoLoss(gpu.tensor([-1, Number.NaN, -3, -2]), { ...options, referenceLogProbs: gpu.zeros([4]) });
    expect(await got.loss.item()).toBeNaN();
  });

  test("two losses of the same log-probs add up their gradients", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const { logProbs, options } = caseOf(3, "ipo", 0.5);
    const policy = tape.watch(gpu.tensor(logProbs));
    const loss = (name: DpoLossName) =>
      dpoLoss(policy, {
        ...{ loss: name, beta: 0.5, starts: Int32Array.from(options.starts) },
        sequences: Int32Array.from(options.sequences),
        referenceLogProbs: gpu.tensor(Float64Array.from(options.reference)),
      }).loss;
    tape.backward(add(loss("ipo"), loss("sigmoid")), gpu.tensor([3]));
    const [ipo, sigmoid] = (["ipo", "sigmoid"] as const).map((name) =>
      dpoLossRef(logProbs, { ...options, loss: name }),
    );
    const want = ipo!.gradLogProbs.map((g, i) => 3 * (g + sigmoid!.gradLogProbs[i]!));
    expectNear("gradient", await tape.gradient(policy)!.data(), want, [want.length], 2e-6);
  });

  test("a loss of one's own on the sequences' log-probs adds to the gradient", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const { logProbs, options } = caseOf(3, "sigmoid", 0.5);
    const policy = tape.watch(gpu.tensor(logProbs));
    const { loss, sequenceLogProbs } = dpoLoss(policy, {
      ...{ beta: 0.5, starts: Int32Array.from(options.starts), sequences: Int32Array.from(options.sequences) },
      referenceLogProbs: gpu.tensor(Float64Array.from(options.reference)),
    });
    tape.backwardFrom([
      [loss, gpu.tensor([2])],
      [sequenceLogProbs, gpu.full([6], -0.25)],
    ]);
    const want = dpoLossRef(logProbs, options).gradLogProbs.map((g) => 2 * g - 0.25);
    expectNear("gradient", await tape.gradient(policy)!.data(), want, [want.length], 2e-6);
  });

  test("settings are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logProbs = gpu.zeros([2]);
    const pair = { starts: Int32Array.of(0, 1, 2), referenceLogProbs: gpu.zeros([2]) };
    const refused = (settings: object) => () => dpoLoss(logProbs, { ...pair, ...settings });
    expect(refused({ loss: "sigmoidal" })).toThrow(ConfigError);
    expect(refused({ loss: "sigmoidal" })).toThrow(/loss: expected one of .*"sigmoidal"\. Did you mean "sigmoid"\?/);
    expect(refused({ loss: "toString" })).toThrow(ConfigError);
    expect(refused({ beta: 0 })).toThrow(OutOfRangeError);
    expect(refused({ beta: Number.POSITIVE_INFINITY })).toThrow(
      "dpoLoss: beta: expected a number above 0, got Infinity.",
    );
    expect(refused({ labelSmoothing: 0.5 })).toThrow(
      "dpoLoss: labelSmoothing: expected a number in [0, 0.5), got 0.5.",
    );
    expect(refused({ nllWeight: -0.1 })).toThrow(OutOfRangeError);
    expect(refused({ nllWeight: Number.NaN })).toThrow("dpoLoss: nllWeight: expected a number of at least 0, got NaN.");
    expect(refused({ loss: "hinge", labelSmoothing: 0.1 })).toThrow(/expected 0 with loss "hinge", got 0.1/);
    expect(refused({ loss: "exo_pair" })).toThrow(/expected a number above 0 with loss "exo_pair", got 0/);
  });

  test("operands are checked", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const logProbs = gpu.zeros([2]);
    const pair = { starts: Int32Array.of(0, 1, 2), referenceLogProbs: gpu.zeros([2]) };
    expect(() => dpoLoss(logProbs, { ...pair, starts: Int32Array.of(0, 2) })).toThrow(ShapeError);
    expect(() => dpoLoss(logProbs, { ...pair, starts: Int32Array.of(0) })).toThrow(
      "dpoLoss: starts: expected 2P + 1 entries for P >= 1 pairs, got 1.",
    );
    expect(() => dpoLoss(logProbs, { ...pair, referenceLogProbs: gpu.zeros([3]) })).toThrow(
      /referenceLogProbs: expected \[N=2\], got \[3\]/,
    );
    expect(() => dpoLoss(logProbs, { ...pair, referenceLogProbs: gpu.zeros([2], "u32") })).toThrow(DtypeError);
    expect(() => dpoLoss(gpu.zeros([3]), pair)).toThrow(ShapeError);
    expect(() => dpoLoss(logProbs, { ...pair, sequences: Int32Array.of(1, 1) })).toThrow(
      "dpoLoss: sequences[1]: expected each of 0 to 1 once, got 1.",
    );
    expect(() => dpoLoss(logProbs, { ...pair, sequences: Int32Array.of(1) })).toThrow(ShapeError);
  });
});
