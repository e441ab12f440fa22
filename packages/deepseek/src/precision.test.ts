/** The linear layers of a model: which are exchanged, by which, and what training in another precision does. */
import { fp8Linears } from "@ds3/fp8";
import {
  adamwStep,
  createMoments,
  gradientNorm,
  groupedMatmul,
  type HalfDtype,
  halfGroupedLinear,
  halfLinear,
  matmul,
  swiglu,
  type Tensor,
} from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { smallConfig } from "../test/small-model.ts";
import { generate } from "./generate.ts";
import { createDeepseek, type DeepseekModel } from "./model.ts";
import type { DeepseekOptions } from "./model-options.ts";
import type { Linears, Precision } from "./precision.ts";
import type { TrainingBatch } from "./token-batch.ts";

const device = useTestGpu();
const [batch, length] = [2, 24];
const tokens = normals(batch * (length + 1), 5).map(
  (value) => Math.abs(Math.round(value * 12)) % smallConfig.vocabSize,
);
const rows = (from: number): Int32Array<ArrayBuffer> =>
  Int32Array.from(
    { length: batch * length },
    (_, i) => tokens[Math.floor(i / length) * (length + 1) + (i % length) + from]!,
  );
const data: TrainingBatch = { inputs: rows(0), targets: rows(1), batch, length };

/**
 * The longest way through the model and back passes 2 layers of 5 linears twice, and each rounds two operands: 40
 * roundings of up to u = 2^-11 (f16), 2^-8 (bf16) or 2^-4 (e4m3), independent of each other, so that their relative errors
 * add up as squares. Of the loss at the start, of log-probs in nats and of the gradient's length, that is how far a result may
 * be off; the steps do not drift apart further, as all of them descend to the same minimum.
 */
const ROUNDINGS = Math.sqrt(40);
const unit = { f16: 2 ** -11, bf16: 2 ** -8, fp8: 2 ** -4 };

/** Linear layers in f32 with a list of the weights that they read, as `function site: weight`. */
function recording(): { linears: Required<Linears>; read: (model: DeepseekModel) => string[] } {
  const calls: { readonly by: string; readonly weight: Tensor }[] = [];
  const noted = (by: string, weight: Tensor): Tensor => {
    calls.push({ by, weight });
    return weight;
  };
  const linear = (x: Tensor, weight: Tensor): Tensor => matmul(x, weight, { layout: "nt" });
  const linears: Required<Linears> = {
    linear: (x, weight, site) => linear(x, noted(`linear ${site}`, weight)),
    gatedLinear: (z, weight) => linear(swiglu(z), noted("gatedLinear", weight)),
    groupedLinear: (x, weights, groups, site) => groupedMatmul(x, noted(`groupedLinear ${site}`, weights), groups),
    groupedGatedLinear: (z, weights, groups) => groupedMatmul(swiglu(z), noted("groupedGatedLinear", weights), groups),
  };
  const read = ({ arena }: DeepseekModel): string[] => {
    const names = new Map([...arena.parameters].map(([name, tensor]) => [tensor, name]));
    return calls.splice(0).map(({ by, weight }) => `${by}: ${names.get(weight)}`);
  };
  return { linears, read };
}

const attention = (layer: number, sites: readonly string[]): string[] =>
  sites.map((site) => `linear ${site}: layers.${layer}.attention.${site}`);
const dense = (layer: number): string[] => [
  `linear gateUp: layers.${layer}.mlp.gateUp`,
  `gatedLinear: layers.${layer}.mlp.down`,
];
const experts = (layer: number): string[] => [
  `groupedLinear gateUp: layers.${layer}.moe.expertsGateUp`,
  `groupedGatedLinear: layers.${layer}.moe.expertsDown`,
  `linear gateUp: layers.${layer}.moe.sharedGateUp`,
  `gatedLinear: layers.${layer}.moe.sharedDown`,
];
const layerOf = (layer: number): string[] => [
  ...attention(layer, ["qkvA", "qB", "kvB", "o"]),
  ...(layer < smallConfig.firstKDenseReplace ? dense(layer) : experts(layer)),
];
/** Those of a step: two main layers, then the prediction module. */
const inStep = [0, 1].flatMap(layerOf).concat("linear ehProj: layers.2.mtp.ehProj", layerOf(2));

/** Loss and gradients of a step, as bits. */
async function bitsOf(options: DeepseekOptions): Promise<Float32Array[]> {
  const { gpu } = device;
  using _scope = gpu.scope();
  using tape = gpu.tape();
  const model = createDeepseek(gpu, smallConfig, { seed: 3, ...options });
  const { total } = model.loss(data);
  tape.backward(total);
  return Promise.all([total, ...model.arena.segments.map(({ gradients }) => gradients)].map((tensor) => tensor.data()));
}

describe("linear layers of one's own", () => {
  test("are given every weight once, with its site; the router, embedding and head are not theirs", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { linears, read } = recording();
    const model = createDeepseek(gpu, smallConfig, linears);
    model.loss(data);
    expect(read(model)).toEqual(inStep);
    model.forward(data);
    expect(read(model)).toEqual([0, 1].flatMap(layerOf));
  });

  test("without a query latent qkvA gives queries too", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { linears, read } = recording();
    const model = createDeepseek(gpu, { ...smallConfig, qLoraRank: null }, linears);
    model.forward(data);
    expect(read(model).slice(0, 3)).toEqual(attention(0, ["qkvA", "kvB", "o"]));
  });

  test("are asked again where blocks are computed again", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    using tape = gpu.tape();
    const { linears, read } = recording();
    const model = createDeepseek(gpu, smallConfig, { ...linears, checkpoint: "block" });
    const { total } = model.loss(data);
    expect(read(model)).toEqual(inStep);
    tape.backward(total);
    expect(read(model)).toEqual([2, 1, 0].flatMap(layerOf));
  });

  test("decode: every weight once a token but kvB, which is absorbed; the tokens are those of the default", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { linears, read } = recording();
    const [model, plain] = [linears, {}].map((options) => createDeepseek(gpu, smallConfig, { seed: 3, ...options }));
    const prompts = [Int32Array.of(1, 5, 9), Int32Array.of(7)];
    const [own, want] = [
      await generate(model!, prompts, { maxNewTokens: 3 }),
      await generate(plain!, prompts, { maxNewTokens: 3 }),
    ];
    expect(own.map((one) => [...one.tokens])).toEqual(want.map((one) => [...one.tokens]));
    const decoded = [0, 1].flatMap(layerOf).filter((line) => !line.includes("kvB"));
    expect(read(model!)).toEqual([...[0, 1].flatMap(layerOf), ...decoded, ...decoded]);
  });

  test("gated ones are composed of the plain ones where they are absent, with their site", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const { linears, read } = recording();
    const { linear, groupedLinear } = linears;
    const model = createDeepseek(gpu, smallConfig, { linear, groupedLinear });
    model.loss(data);
    const composed = inStep.map((line) => line.replace("groupedGatedLinear", "groupedLinear down"));
    expect(read(model)).toEqual(composed.map((line) => line.replace("gatedLinear", "linear down")));
  });

  test("that are composed of others, or that f32 stands for, give the same bits", async () => {
    const want = await bitsOf({});
    expect(want[1]!.some((value) => value !== 0)).toBe(true);
    expect(await bitsOf({ precision: "f32" })).toEqual(want);
    const { linear, groupedLinear } = recording().linears;
    expect(await bitsOf({ linear, groupedLinear })).toEqual(want);
    expect(await bitsOf(recording().linears)).toEqual(want);
  });

  test("exclude a precision", () => {
    const { gpu } = device;
    const own = { linear: halfLinear("f16"), groupedLinear: halfGroupedLinear("f16") };
    expect(() => createDeepseek(gpu, smallConfig, { precision: "bf16", ...own })).toThrow(
      'createDeepseek: precision: expected no linear and no groupedLinear beside it, which decide the precision themselves, got "bf16" and them. Leave out either the precision or the linear layers.',
    );
    expect(() => createDeepseek(gpu, smallConfig, { precision: "bf16", linear: own.linear })).toThrow(
      'expected no linear beside it, which decides the precision itself, got "bf16" and linear. Leave out',
    );
  });
});

test("options that are undefined count as absent", async () => {
  const { linears } = recording();
  const names = ["precision", "mtpLossWeight", "mtpHidden", "mtpLossDenominator", "biasUpdateSpeed", "scoreHead"];
  const layer = ["balanceLossWeight", "balanceTopk", "checkpoint", ...Object.keys(linears)];
  const absent = Object.fromEntries([...names, ...layer].map((name) => [name, undefined]));
  expect(await bitsOf(absent as DeepseekOptions)).toEqual(await bitsOf({}));
});

const halves = (dtype: HalfDtype): Linears => ({ linear: halfLinear(dtype), groupedLinear: halfGroupedLinear(dtype) });

describe.each([
  ["f16", halves("f16")],
  ["bf16", halves("bf16")],
  ["fp8", fp8Linears()],
] as const)("precision %s", (precision, linears) => {
  test("is the linear layers of that name, with the same bits where blocks are computed again", async () => {
    const live = device.gpu.stats.liveBuffers;
    const want = await bitsOf(linears);
    expect(await bitsOf({ precision })).toEqual(want);
    expect(await bitsOf({ precision, checkpoint: "block" })).toEqual(want);
    expect(want[0]).not.toEqual((await bitsOf({}))[0]);
    expect(device.gpu.stats.liveBuffers).toBe(live);
  });

  test("decodes what its forward pass says, but for kvB, which decoding reads in f32", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const [model, own] = [{ precision }, linears].map((options) =>
      createDeepseek(gpu, smallConfig, { seed: 3, ...options }),
    ) as [DeepseekModel, DeepseekModel];
    const prompts = Array.from({ length: 6 }, (_, i) => Int32Array.of(i, 3 * i + 1));
    const sequences = await generate(model, prompts, { maxNewTokens: 5 });
    expect(await generate(own, prompts, { maxNewTokens: 5 })).toEqual(sequences);
    const decoded = sequences.flatMap(({ logProbs }) => [...logProbs]);
    const want = await logProbsOf(model, prompts, sequences);
    for (const [i, value] of decoded.entries())
      expect(Math.abs(value - want[i]!), `token ${i}`).toBeLessThan(ROUNDINGS * unit[precision]);
  });
});

/** Log-probs of the new tokens of each sequence, by a forward pass over all of it. */
async function logProbsOf(
  model: DeepseekModel,
  prompts: readonly Int32Array[],
  sequences: readonly { readonly tokens: Int32Array }[],
): Promise<number[]> {
  const found: number[] = [];
  for (const [i, { tokens: drawn }] of sequences.entries()) {
    using _scope = model.gpu.scope();
    const whole = Int32Array.of(...prompts[i]!, ...drawn);
    const { normed } = model.forward({ inputs: whole, batch: 1, length: whole.length });
    const logits = await model.head(normed).data();
    const V = smallConfig.vocabSize;
    for (const [t, id] of drawn.entries()) {
      const row = logits.subarray((prompts[i]!.length + t - 1) * V).subarray(0, V);
      found.push(row[id]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)));
    }
  }
  return found;
}

/** The losses of some steps on one batch. */
async function train(precision: Precision, steps = 20): Promise<number[]> {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createDeepseek(gpu, { ...smallConfig, numNextnPredictLayers: 0 }, { seed: 3, precision });
  const moments = model.arena.segments.map((segment) => createMoments(segment, "f32"));
  const settings = { learningRate: 3e-3, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0.1 } as const;
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    using _step = gpu.scope();
    using tape = gpu.tape();
    model.arena.zeroGradients();
    const { total } = model.loss(data);
    tape.backward(total);
    const stats = gradientNorm(model.arena.segments, total, 1);
    for (const [i, segment] of model.arena.segments.entries()) {
      adamwStep(segment, moments[i]!, stats, { ...settings, step });
    }
    model.afterStep();
    losses.push(await total.item());
  }
  return losses;
}

test("f16, bf16 and fp8 follow f32", { timeout: 60_000 }, async () => {
  const want = await train("f32");
  const learned = want[0]! / 3;
  expect(want.at(-1)).toBeLessThan(learned);
  for (const [precision, u] of Object.entries(unit) as [keyof typeof unit, number][]) {
    const got = await train(precision);
    expect(got[0], "products of rounded operands").not.toBe(want[0]);
    for (const [step, loss] of got.entries()) {
      expect(Math.abs(loss - want[step]!), `${precision}, step ${step}`).toBeLessThan(ROUNDINGS * u * want[0]!);
    }
    expect(got.at(-1), precision).toBeLessThan(learned);
  }
});

test.each(["f16", "bf16", "fp8"] as const)(
  "%s: gradients are finite, and f32's but for its roundings",
  async (precision) => {
    const [, ...want] = await bitsOf({});
    const [, ...got] = await bitsOf({ precision });
    const squares = (values: readonly Float32Array[]): number =>
      values.reduce((sum, part) => part.reduce((a, value) => a + value * value, sum), 0);
    const difference = got.map((part, i) => part.map((value, j) => value - want[i]![j]!));
    expect(got.every((part) => part.every(Number.isFinite))).toBe(true);
    expect(Math.sqrt(squares(difference) / squares(want))).toBeLessThan(ROUNDINGS * unit[precision]);
  },
);
