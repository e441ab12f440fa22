import { Arena, type Gpu, type ParameterSpec, type Tensor } from "@ds3/tensor";
import { normals } from "@ds3/testing";
import {
  createRotation,
  type MlaConfig,
  type MlaParameters,
  type MlaTokens,
  mlaParameterSpecs,
  mlaParameters,
} from "../src/index.ts";

export const withQueryLatent: MlaConfig = {
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
export const yarn: MlaConfig = {
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

/** Checkpoint weights with variance 1 / in. */
export function randomWeights(config: MlaConfig): Record<string, Float64Array> {
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

/** Checkpoint weights in the layer's fused layout. */
export function fuse(weights: Readonly<Record<string, Float64Array>>): Record<string, Float64Array> {
  const first = weights["q_proj.weight"] ?? weights["q_a_proj.weight"]!;
  const fused = {
    qkvA: Float64Array.from([...first, ...weights["kv_a_proj_with_mqa.weight"]!]),
    kvNorm: weights["kv_a_layernorm.weight"]!,
    kvB: weights["kv_b_proj.weight"]!,
    o: weights["o_proj.weight"]!,
  };
  if (!weights["q_b_proj.weight"]) return fused;
  return { ...fused, qNorm: weights["q_a_layernorm.weight"]!, qB: weights["q_b_proj.weight"] };
}

/** Weights on the GPU, with further parameters in the same arena where there are any. */
export function upload(
  gpu: Gpu,
  config: MlaConfig,
  weights: Record<string, Float64Array>,
  more: readonly ParameterSpec[] = [],
): MlaParameters & Readonly<Record<string, Tensor>> {
  const arena = new Arena(gpu, [...mlaParameterSpecs(config, ""), ...more]);
  for (const [name, values] of Object.entries(fuse(weights))) gpu.write(arena.get(name), Float32Array.from(values));
  for (const { name } of more) gpu.write(arena.get(name), Float32Array.from(weights[name]!));
  const others = Object.fromEntries(more.map(({ name }) => [name, arena.get(name)]));
  return { ...mlaParameters(config, (name) => arena.get(name), ""), ...others };
}

/** Positions first, first + 1, ... in each row. */
export function tokensOf(gpu: Gpu, config: MlaConfig, batch: number, length: number, first = 0): MlaTokens {
  const positions = gpu.tensor(
    Array.from({ length: batch * length }, (_, i) => i % length),
    [batch * length],
    "i32",
  );
  return { batch, length, rotation: { ...createRotation(gpu, config, length, first), positions } };
}
