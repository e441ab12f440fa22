import { ShapeError } from "@ds3/errors";
import { Arena, type Gpu, type Tensor } from "@ds3/tensor";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createLatentCache, mlaDecode } from "./latent-cache.ts";
import { createRotation, type MlaParameters, type MlaTokens, mla, mlaParameterSpecs, mlaParameters } from "./mla.ts";
import { mlaRef } from "./mla-attention.ref.ts";
import type { MlaConfig } from "./types.ts";

const device = useTestGpu();

const withQueryLatent: MlaConfig = {
  hiddenSize: 36,
  numAttentionHeads: 3,
  qLoraRank: 20,
  kvLoraRank: 28,
  qkNopeHeadDim: 12,
  qkRopeHeadDim: 8,
  vHeadDim: 10,
  ropeTheta: 10_000,
  ropeScaling: null,
};
const yarn: MlaConfig = {
  ...withQueryLatent,
  qLoraRank: null,
  ropeScaling: {
    type: "yarn",
    factor: 40,
    betaFast: 32,
    betaSlow: 1,
    originalMaxPositionEmbeddings: 64,
    mscale: 1,
    mscaleAllDim: 1,
  },
};

/** Checkpoint weights with variance 1 / in, and the same ones in the layer's fused layout. */
function randomWeights(config: MlaConfig): Record<string, Float64Array> {
  const { hiddenSize, qLoraRank, kvLoraRank, numAttentionHeads: N, qkNopeHeadDim, qkRopeHeadDim, vHeadDim } = config;
  const matrix = (out: number, inner: number, seed: number): Float64Array =>
    normals(out * inner, seed).map((w) => Math.fround(w / Math.sqrt(inner)));
  const norm = (size: number, seed: number): Float64Array => normals(size, seed).map((w) => Math.fround(1 + 0.1 * w));
  const queryWidth = N * (qkNopeHeadDim + qkRopeHeadDim);
  const query =
    qLoraRank === null
      ? { "q_proj.weight": matrix(queryWidth, hiddenSize, 1) }
      : {
          "q_a_proj.weight": matrix(qLoraRank, hiddenSize, 1),
          "q_a_layernorm.weight": norm(qLoraRank, 2),
          "q_b_proj.weight": matrix(queryWidth, qLoraRank, 3),
        };
  return {
    ...query,
    "kv_a_proj_with_mqa.weight": matrix(kvLoraRank + qkRopeHeadDim, hiddenSize, 4),
    "kv_a_layernorm.weight": norm(kvLoraRank, 5),
    "kv_b_proj.weight": matrix(N * (qkNopeHeadDim + vHeadDim), kvLoraRank, 6),
    "o_proj.weight": matrix(hiddenSize, N * vHeadDim, 7),
  };
}

function fuse(weights: Readonly<Record<string, Float64Array>>): Record<string, Float64Array> {
  const first = weights["q_proj.weight"] ?? weights["q_a_proj.weight"]!;
  const fused = {
    qkvA: Float64Array.of(...first, ...weights["kv_a_proj_with_mqa.weight"]!),
    kvNorm: weights["kv_a_layernorm.weight"]!,
    kvB: weights["kv_b_proj.weight"]!,
    o: weights["o_proj.weight"]!,
  };
  if (!weights["q_b_proj.weight"]) return fused;
  return { ...fused, qNorm: weights["q_a_layernorm.weight"]!, qB: weights["q_b_proj.weight"] };
}

function upload(gpu: Gpu, config: MlaConfig, weights: Record<string, Float64Array>): MlaParameters {
  const arena = new Arena(gpu, mlaParameterSpecs(config, ""));
  for (const [name, values] of Object.entries(fuse(weights))) gpu.write(arena.get(name), Float32Array.from(values));
  return mlaParameters(config, (name) => arena.get(name), "");
}

function tokensOf(gpu: Gpu, config: MlaConfig, batch: number, length: number, first = 0): MlaTokens {
  const positions = gpu.tensor(
    Array.from({ length: batch * length }, (_, i) => i % length),
    [batch * length],
    "i32",
  );
  return { batch, length, rotation: { ...createRotation(gpu, config, length, first), positions } };
}

/** First index of each token's document within its row. */
function startsOf(documents: readonly number[], batch: number): number[] {
  const length = documents.length / batch;
  return documents.map((_, i) => {
    let start = i;
    while (start % length > 0 && documents[start - 1] === documents[i]) start--;
    return start % length;
  });
}

const cases: {
  label: string;
  config: MlaConfig;
  batch: number;
  length: number;
  first?: number;
  documents?: number[];
}[] = [
  { label: "one token", config: withQueryLatent, batch: 1, length: 1 },
  { label: "query latent", config: withQueryLatent, batch: 2, length: 7 },
  { label: "no query latent, YaRN, far positions", config: yarn, batch: 1, length: 33, first: 5000 },
  {
    label: "packed documents",
    config: withQueryLatent,
    batch: 2,
    length: 6,
    documents: [0, 0, 0, 1, 1, 2, 5, 6, 6, 6, 6, 6],
  },
];

describe("mla", () => {
  test.each(cases)(
    "$label: output, caches and gradients against f64",
    async ({ config, batch, length, first = 0, documents }) => {
      const { gpu } = device;
      const before = gpu.stats.liveBuffers;
      {
        using _scope = gpu.scope();
        const weights = randomWeights(config);
        const x = normals(batch * length * config.hiddenSize, 11).map(Math.fround);
        const dy = normals(x.length, 12).map(Math.fround);
        const positions = Array.from({ length: batch * length }, (_, i) => first + (i % length));
        const want = mlaRef(config, weights, x, { batch, length, positions, ...(documents ? { documents } : {}) });
        const gradients = want.backward(dy);

        const parameters = upload(gpu, config, weights);
        const tokens = tokensOf(gpu, config, batch, length, first);
        const mask = documents ? { documentStart: gpu.tensor(startsOf(documents, batch), [batch, length], "u32") } : {};
        using tape = gpu.tape();
        const input = tape.watch(gpu.tensor(x, [batch * length, config.hiddenSize]));
        const { y, latent, ropeKey } = mla(input, config, parameters, { ...tokens, ...mask });
        expectNear("y", await y.data(), want.out, y.shape, 1e-5);
        expectNear("latent", await latent.data(), want.latentCache, latent.shape, 1e-5);
        expectNear("ropeKey", await ropeKey.data(), want.ropeKeyCache, ropeKey.shape, 1e-5);
        tape.backward(y, gpu.tensor(dy, y.shape));
        expectNear("dx", await tape.gradient(input)!.data(), gradients.x, input.shape, 2e-5);
        for (const [name, gradient] of Object.entries(fuse(gradients.weights))) {
          const tensor = parameters[name as keyof MlaParameters] as Tensor;
          expectNear(name, await tensor.grad!.data(), gradient, tensor.shape, 2e-5);
        }
      }
      expect(gpu.stats.liveBuffers).toBe(before);
    },
  );

  test("x of another width is refused", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const parameters = upload(gpu, yarn, randomWeights(yarn));
    expect(() => mla(gpu.zeros([2, 35]), yarn, parameters, tokensOf(gpu, yarn, 1, 2))).toThrow(ShapeError);
  });
});

describe("mlaDecode", () => {
  test.each([withQueryLatent, yarn])(
    "absorbed decoding gives every row of the unabsorbed layer (%#)",
    async (config) => {
      const { gpu } = device;
      using _scope = gpu.scope();
      const [batch, length, D] = [2, 9, config.hiddenSize];
      const parameters = upload(gpu, config, randomWeights(config));
      const x = normals(batch * length * D, 3);
      const tokens = tokensOf(gpu, config, batch, length);
      const whole = await mla(gpu.tensor(x, [batch * length, D]), config, parameters, tokens).y.data();
      const cache = createLatentCache(gpu, config, batch, length);
      for (let t = 0; t < length; t++) {
        const rows = (data: ArrayLike<number>): number[] =>
          Array.from({ length: batch * D }, (_, i) => data[(Math.floor(i / D) * length + t) * D + (i % D)]!);
        const rotation = { ...tokens.rotation, positions: gpu.tensor([t, t], [batch], "i32") };
        const y = mlaDecode(gpu.tensor(rows(x), [batch, D]), config, parameters, rotation, cache, t);
        expectNear(`token ${t}`, await y.data(), rows(whole), [batch, D], 1e-5);
      }
    },
  );

  test("the cache holds the latent and the rope key alone, and says when it is full", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const cache = createLatentCache(gpu, yarn, 2, 3);
    expect(cache.latents.bytes + cache.ropeKeys.bytes).toBe(2 * 3 * (yarn.kvLoraRank + yarn.qkRopeHeadDim) * 4);
    const parameters = upload(gpu, yarn, randomWeights(yarn));
    const { rotation } = tokensOf(gpu, yarn, 2, 1);
    expect(() => mlaDecode(gpu.zeros([2, 36]), yarn, parameters, rotation, cache, 3)).toThrow(
      /at most 3 tokens, got 4/,
    );
  });
});
