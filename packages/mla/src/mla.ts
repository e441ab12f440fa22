/*
 * Multi-head latent attention on the GPU, unabsorbed for training, absorbed for decoding (DeepSeek-V3 report, 2.1.1).
 *
 * Differs from the paper's equations: the latents are normed (its section 4.2), with eps 1e-6 whatever rms_norm_eps says.
 * q_a_proj (or q_proj without a query latent) and kv_a_proj_with_mqa read the same x, so they are one weight `qkvA`:
 * one product instead of two.
 */
import {
  flashAttention,
  type Gpu,
  matmul,
  type ParameterSpec,
  type RotaryAngles,
  rotary,
  splitRmsNorm,
  type Tensor,
} from "@ds3/tensor";
import { attentionHeads } from "./attention-heads.ts";
import { ropeTable, softmaxScale } from "./rope-table.ts";
import type { MlaConfig } from "./types.ts";

/** Eps of both latent norms, fixed in the released models. */
export const LATENT_EPS = 1e-6;

/** The parameters that are weights of linear layers, by name. */
export type MlaSite = "qkvA" | "qB" | "kvB" | "o";

/**
 * A linear layer without bias: x [T, in], weight [out, in] -> [T, out]; `site` says which of the layer's. Injected to change
 * the precision. Its result is a tensor of its own that its backward does not read: rotations overwrite it.
 */
export type Linear = (x: Tensor, weight: Tensor, site: MlaSite) => Tensor;

/** Weights of one layer, [out, in] as in released checkpoints. */
export interface MlaParameters {
  /** Rows: q_a_proj (or q_proj when qLoraRank is null), then kv_a_proj_with_mqa: latent rows, rope rows last. */
  readonly qkvA: Tensor;
  /** q_a_layernorm [qLoraRank] and q_b_proj [N (nope + rope), qLoraRank]; absent when qLoraRank is null. */
  readonly qNorm?: Tensor;
  readonly qB?: Tensor;
  /** kv_a_layernorm [kvLoraRank]. */
  readonly kvNorm: Tensor;
  /** kv_b_proj [N (nope + v), kvLoraRank]. */
  readonly kvB: Tensor;
  /** o_proj [hiddenSize, N v]. */
  readonly o: Tensor;
}

/** Where the tokens stand. */
export interface MlaTokens {
  readonly batch: number;
  readonly length: number;
  /** Rotation tables, and one row of them for each of the batch x length tokens. */
  readonly rotation: RotaryAngles;
  /** u32 [batch, length]: first token of each token's document within its row; absent: one document a row. */
  readonly documentStart?: Tensor;
}

/** What a layer gives. `latent` and `ropeKey` are what a cache keeps of each token. */
export interface MlaOutput {
  /** [T, hiddenSize] after o_proj, without residual. */
  readonly y: Tensor;
  /** norm(c_KV) [T, kvLoraRank] */
  readonly latent: Tensor;
  /** Rotated shared key, pairs adjacent [T, qkRopeHeadDim] */
  readonly ropeKey: Tensor;
}

/** Names and shapes of a layer's parameters, for an arena; matrices decay, norms do not. */
export function mlaParameterSpecs(config: MlaConfig, prefix: string): ParameterSpec[] {
  const { hiddenSize, qLoraRank, kvLoraRank, numAttentionHeads: N, vHeadDim } = config;
  const { qkNopeHeadDim, qkRopeHeadDim } = config;
  const queryWidth = N * (qkNopeHeadDim + qkRopeHeadDim);
  const matrix = (name: string, shape: number[]): ParameterSpec => ({ name: prefix + name, shape, decay: true });
  const norm = (name: string, size: number): ParameterSpec => ({ name: prefix + name, shape: [size], decay: false });
  return [
    matrix("qkvA", [(qLoraRank ?? queryWidth) + kvLoraRank + qkRopeHeadDim, hiddenSize]),
    ...(qLoraRank === null ? [] : [norm("qNorm", qLoraRank), matrix("qB", [queryWidth, qLoraRank])]),
    norm("kvNorm", kvLoraRank),
    matrix("kvB", [N * (qkNopeHeadDim + vHeadDim), kvLoraRank]),
    matrix("o", [hiddenSize, N * vHeadDim]),
  ];
}

/** The layer's parameters out of an arena's map, by the names of `mlaParameterSpecs`. */
export function mlaParameters(config: MlaConfig, get: (name: string) => Tensor, prefix: string): MlaParameters {
  const shared = {
    qkvA: get(`${prefix}qkvA`),
    kvNorm: get(`${prefix}kvNorm`),
    kvB: get(`${prefix}kvB`),
    o: get(`${prefix}o`),
  };
  return config.qLoraRank === null ? shared : { ...shared, qNorm: get(`${prefix}qNorm`), qB: get(`${prefix}qB`) };
}

/** Rotation tables for positions first .. first + length - 1, computed in double and rounded once. */
export function createRotation(
  gpu: Gpu,
  config: MlaConfig,
  length: number,
  first = 0,
): Omit<RotaryAngles, "positions"> {
  const pairs = config.qkRopeHeadDim / 2;
  const { cos, sin } = ropeTable(
    config,
    Int32Array.from({ length }, (_, i) => first + i),
  );
  return { cos: gpu.tensor(cos, [length, pairs], "f32", "cos"), sin: gpu.tensor(sin, [length, pairs], "f32", "sin") };
}

/**
 * One attention layer: x [T, hiddenSize] with T = batch x length -> y [T, hiddenSize]. Causal, within documents.
 *
 * Equations 1 to 11 of the report. Differentiable in x and all parameters.
 * @throws ShapeError when a parameter or x disagrees with the config.
 */
export function mla(
  x: Tensor,
  config: MlaConfig,
  parameters: MlaParameters,
  tokens: MlaTokens,
  linear: Linear = defaultLinear,
): MlaOutput {
  const { batch, length, rotation, documentStart } = tokens;
  const { numAttentionHeads: N, qkNopeHeadDim, vHeadDim } = config;
  const { q: query, latent, key } = projectDown(x, config, parameters, linear);
  const kv = linear(latent, parameters.kvB, "kvB").reshape([-1, N, qkNopeHeadDim + vHeadDim]);
  const { q, k, v, ropeKey } = attentionHeads({ q: query, kv, key }, rotation, qkNopeHeadDim);
  const rows = (t: Tensor): Tensor => t.reshape([batch, length, N, t.shape.at(-1)!]);
  const options = { scale: softmaxScale(config), ...(documentStart ? { documentStart } : {}) };
  const heads = flashAttention(rows(q), rows(k), rows(v), options);
  return { y: linear(heads.reshape([-1, N * vHeadDim]), parameters.o, "o"), latent, ropeKey };
}

/** Queries [T, N, nope + rope] rotated, normed latent [T, C] and rotated shared key [T, R]: Eq. 1, 3, 6 to 9. */
export function project(
  x: Tensor,
  config: MlaConfig,
  parameters: MlaParameters,
  rotation: RotaryAngles,
  linear: Linear = defaultLinear,
): { readonly q: Tensor; readonly latent: Tensor; readonly ropeKey: Tensor } {
  const { qkNopeHeadDim: from, qkRopeHeadDim: size } = config;
  const { q, latent, key } = projectDown(x, config, parameters, linear);
  const ropeKey = rotary(key.reshape([-1, 1, size]), rotation).reshape([-1, size]);
  return { q: rotary(q, rotation, { from, size }), latent, ropeKey };
}

/** The same before rotation: q [T, N, nope + rope], latent [T, C], key [T, R]. */
function projectDown(
  x: Tensor,
  config: MlaConfig,
  { qkvA, qB, qNorm, kvNorm }: MlaParameters,
  linear: Linear,
): { readonly q: Tensor; readonly latent: Tensor; readonly key: Tensor } {
  const { numAttentionHeads: N, qkNopeHeadDim, qkRopeHeadDim: R, kvLoraRank } = config;
  const queryWidth = qkvA.shape[0]! - kvLoraRank - R;
  const query = qB && qNorm ? { size: queryWidth, weight: qNorm } : { size: queryWidth };
  const parts = [query, { size: kvLoraRank, weight: kvNorm }, { size: R }];
  const [c, latent, key] = splitRmsNorm(linear(x, qkvA, "qkvA"), parts, { eps: LATENT_EPS }) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const q = qB && qNorm ? linear(c, qB, "qB") : c;
  return { q: q.reshape([-1, N, qkNopeHeadDim + R]), latent, key };
}

function defaultLinear(x: Tensor, weight: Tensor): Tensor {
  return matmul(x, weight, { layout: "nt" });
}
