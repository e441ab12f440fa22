import { ConfigError, ShapeError } from "@ds3/errors";
import { add, embedding, type Gpu, matmul, type Tensor } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { meanBlock } from "../test/mean-block.ts";
import { type MtpBatch, mtpLoss } from "./mtp-loss.ts";
import type { Block, Linear, MtpModuleParameters } from "./mtp-module.ts";
import { type MtpModuleRefWeights, mtpLossRef } from "./reference.ts";
import type { MtpConfig } from "./types.ts";

const device = useTestGpu();
const [B, T, D, V, DEPTHS] = [2, 7, 12, 11, 2];
const base: MtpConfig = {
  hiddenSize: D,
  vocabSize: V,
  rmsNormEps: 1e-6,
  mtpHidden: "normed",
  mtpLossDenominator: "T",
  mtpLossWeight: 0.3,
};
const inputIds = Int32Array.from({ length: B * T }, (_, i) => (5 * i + 3) % V);
const labels = Int32Array.from({ length: B * T }, (_, i) => (i === 4 ? -100 : (5 * i + 8) % V));

/** Of the labels; none is that of a neighbour, some are 0. */
const weights = Float32Array.from(labels, (_, i) => (i % 6 === 2 ? 0 : 0.25 + ((3 * i) % 7) / 4));

/** All arrays that the loss depends on; those of depth k start with "k.". */
function inputArrays(): Record<string, Float64Array> {
  const f32 = (n: number, seed: number): Float64Array => normals(n, seed).map(Math.fround);
  const arrays: Record<string, Float64Array> = {
    hidden: f32(B * T * D, 1),
    embedding: f32(V * D, 2),
    head: f32(V * D, 3),
  };
  for (let k = 1; k <= DEPTHS; k++) {
    for (const [i, name] of ["enorm", "hnorm", "sharedHeadNorm"].entries()) arrays[`${k}.${name}`] = f32(D, 10 * k + i);
    arrays[`${k}.ehProj`] = f32(2 * D * D, 10 * k + 3);
    arrays[`${k}.block`] = f32(D * D, 10 * k + 4);
  }
  return arrays;
}

/** The reference with all gradients under the same names. */
function reference(
  config: MtpConfig,
  arrays: Record<string, Float64Array>,
  more?: Partial<Pick<MtpBatch, "documentIds" | "weights">>,
) {
  const depths = Array.from({ length: DEPTHS }, (_, i) => i + 1);
  const blockGradients = depths.map(() => new Float64Array(D * D));
  const part = (k: number, name: string): Float64Array => arrays[`${k}.${name}`]!;
  const modules = depths.map(
    (k): MtpModuleRefWeights => ({
      enorm: part(k, "enorm"),
      hnorm: part(k, "hnorm"),
      ehProj: part(k, "ehProj"),
      sharedHeadNorm: part(k, "sharedHeadNorm"),
    }),
  );
  const blocks = depths.map((k) => meanBlock(part(k, "block"), blockGradients[k - 1]!));
  const parameters = { embedding: arrays.embedding!, head: arrays.head!, modules, blocks };
  const result = mtpLossRef(config, parameters, {
    batch: B,
    length: T,
    inputIds,
    labels,
    hidden: arrays.hidden!,
    ...more,
  });
  const { modules: own, ...shared } = result.backward();
  const gradients: Record<string, Float64Array> = { ...shared };
  for (const [i, module] of own.entries()) {
    for (const [name, value] of Object.entries(module)) gradients[`${i + 1}.${name}`] = value;
    gradients[`${i + 1}.block`] = blockGradients[i]!;
  }
  return { ...result, gradients };
}

/** The test's block on the GPU: x plus the running mean of W x, as a product with a triangular matrix. */
function gpuBlock(gpu: Gpu, weight: Tensor): Block {
  return (x, { batch, length }) => {
    const row = (i: number): number[] => Array.from({ length }, (_, j) => (j <= i ? 1 / (i + 1) : 0));
    const means = Array.from({ length: batch * length }, (_, i) => row(i % length)).flat();
    const mixed = matmul(x, weight, { layout: "nt" }).reshape([batch, length, D]);
    return add(x, matmul(gpu.tensor(means, [batch, length, length]), mixed).reshape([batch * length, D]));
  };
}

function shapeOf(name: string): number[] {
  if (name === "hidden") return [B * T, D];
  if (name === "embedding" || name === "head") return [V, D];
  return name.endsWith("ehProj") ? [D, 2 * D] : name.endsWith("block") ? [D, D] : [D];
}

function run(
  gpu: Gpu,
  config: MtpConfig,
  tensors: Record<string, Tensor>,
  depths = DEPTHS,
  batch: Partial<MtpBatch> = {},
  linear?: Linear,
) {
  const modules = Array.from({ length: depths }, (_, i) => {
    const part = (name: string): Tensor => tensors[`${i + 1}.${name}`]!;
    const parameters: MtpModuleParameters = {
      enorm: part("enorm"),
      hnorm: part("hnorm"),
      ehProj: part("ehProj"),
      sharedHeadNorm: part("sharedHeadNorm"),
    };
    return { parameters, block: gpuBlock(gpu, part("block")) };
  });
  const shared = {
    embed: (ids: Int32Array) => embedding(tensors.embedding!, ids),
    head: tensors.head!,
  };
  const rows = { batch: B, length: T, inputIds, labels, hidden: tensors.hidden!, ...batch };
  return mtpLoss(config, rows, modules, shared, linear);
}

describe("mtpLoss", () => {
  test.each([
    ["normed", "T", undefined],
    ["normed", "T-k", undefined],
    ["raw", "T", undefined],
    ["normed", "T-k", { documentIds: Int32Array.from({ length: B * T }, (_, i) => (i % T > 3 ? 1 : 0)) }],
    ["normed", "T", { weights }],
    ["raw", "T-k", { weights }],
    ["normed", "T", { weights: new Float32Array(B * T) }],
  ] as const)(
    "hidden %s, denominator %s, %o: every output and gradient against f64",
    async (mtpHidden, mtpLossDenominator, more) => {
      const { gpu } = device;
      const before = gpu.stats.liveBuffers;
      {
        using _scope = gpu.scope();
        using tape = gpu.tape();
        const config = { ...base, mtpHidden, mtpLossDenominator };
        const arrays = inputArrays();
        const want = reference(config, arrays, more);
        const tensors = Object.fromEntries(
          Object.entries(arrays).map(([name, values]) => [name, tape.watch(gpu.tensor(values, shapeOf(name)))]),
        );
        const { depths, loss } = run(gpu, config, tensors, DEPTHS, more);
        expectNear("loss", await loss.data(), [want.loss], [1], 1e-6);
        for (const [i, depth] of depths.entries()) {
          expectNear(`hidden ${i + 1}`, await depth.hidden.data(), want.depths[i]!.hidden, depth.hidden.shape, 1e-5);
          const logits = gpu.noGrad(() => matmul(depth.normed, tensors.head!, { layout: "nt" }));
          expectNear(`logits ${i + 1}`, await logits.data(), want.depths[i]!.logits, logits.shape, 1e-5);
          expectNear(`loss ${i + 1}`, await depth.loss.data(), [want.depths[i]!.loss], [1], 1e-6);
        }
        tape.backward(loss);
        for (const [name, gradient] of Object.entries(want.gradients)) {
          expectNear(`gradient of ${name}`, await tape.gradient(tensors[name]!)!.data(), gradient, shapeOf(name), 2e-5);
        }
      }
      expect(gpu.stats.liveBuffers).toBe(before);
    },
  );

  test("another linear computes eh_proj of every depth", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const tensors = Object.fromEntries(
      Object.entries(inputArrays()).map(([name, values]) => [name, gpu.tensor(values, shapeOf(name))]),
    );
    const calls: [string, string | undefined][] = [];
    const linear: Linear = (x, weight, site) => {
      calls.push([site, Object.keys(tensors).find((name) => tensors[name] === weight)]);
      return gpu.zeros([x.shape[0]!, weight.shape[0]!]);
    };
    const { depths } = run(gpu, base, tensors, DEPTHS, {}, linear);
    expect(calls).toEqual([
      ["ehProj", "1.ehProj"],
      ["ehProj", "2.ehProj"],
    ]);
    expect(new Set(await depths[1]!.hidden.data())).toEqual(new Set([0]));
  });

  test("refuses no depth, sequences that are too short, and rows that do not fit", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const tensors = Object.fromEntries(
      Object.entries(inputArrays()).map(([name, values]) => [name, gpu.tensor(values, shapeOf(name))]),
    );
    expect(() => run(gpu, base, tensors, 0)).toThrow(ConfigError);
    expect(() => run(gpu, base, tensors, DEPTHS, { length: 2, batch: 7 })).toThrow(/more than 2 tokens/);
    expect(() => run(gpu, base, tensors, DEPTHS, { labels: labels.subarray(1) })).toThrow(ShapeError);
    expect(() => run(gpu, base, tensors, DEPTHS, { weights: weights.subarray(1) })).toThrow(
      "mtpLoss: weights: expected batch x length = 14 rows, got 13.",
    );
  });
});
