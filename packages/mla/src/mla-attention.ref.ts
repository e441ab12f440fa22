import { linearBackwardRef, linearRef, rmsNormBackwardRef, rmsNormRef } from "@ds3/tensor/reference";
import { type CausalAttentionShape, causalAttentionBackwardRef, causalAttentionRef } from "./causal-attention.ref.ts";
import { rotateRef } from "./rope.ref.ts";
import { type RopeTable, ropeTable, softmaxScale } from "./rope-table.ts";
import type { MlaConfig } from "./types.ts";

/*
 * Multi-head latent attention in f64, unabsorbed (DeepSeek-V3 report, section 2.1.1).
 *
 *   c_Q  = norm(W_DQ h),  [q_C; q_R] = W_UQ,QR c_Q, q_R rotated        Eq. 6-9   q_a_proj, q_a_layernorm, q_b_proj
 *   [c_KV; k_R] = W_DKV,KR h, k_R rotated and shared by all heads      Eq. 1, 3  kv_a_proj_with_mqa
 *   [k_C; v_C] = W_UK,UV norm(c_KV), k = [k_C; k_R]                    Eq. 2-5   kv_a_layernorm, kv_b_proj
 *   u = W_O [softmax(q k / sqrt(d)) v of every head]                   Eq. 10-11 o_proj
 *
 * Differs from the paper: the equations leave out the norms of both latents, which the released weights have; their eps
 * is 1e-6 whatever rms_norm_eps says. The cache keeps norm(c_KV) and the rotated k_R.
 */

const LATENT_EPS = 1e-6;

/** Weights by their checkpoint names; `q_proj` when qLoraRank is null, else the three `q_a`, `q_b` ones. */
export type MlaRefWeights = Readonly<Record<string, Float64Array>>;

/** Where the tokens stand: x is [batch, length, hiddenSize]. */
export interface MlaRefTokens {
  readonly batch: number;
  readonly length: number;
  /** [B, T]; default 0..T-1 in each row. */
  readonly positions?: ArrayLike<number>;
  /** [B, T]: tokens attend within their own document only. */
  readonly documents?: ArrayLike<number>;
}

/** Result of {@link mlaRef}: the output, what a cache would keep, and the backward pass. */
export interface MlaRefResult {
  /** [B, T, hiddenSize]: after o_proj; no residual, no input norm. */
  readonly out: Float64Array;
  /** norm(c_KV), [B, T, kvLoraRank]. */
  readonly latentCache: Float64Array;
  /** Rotated shared key, pairs adjacent, [B, T, qkRopeHeadDim]. */
  readonly ropeKeyCache: Float64Array;
  /** Gradients for x and every weight, given the gradient of `out`. */
  readonly backward: (gradOut: Float64Array) => { x: Float64Array; weights: Record<string, Float64Array> };
}

/** One MLA layer, f64. See the file's head for the equations; x [B, T, hiddenSize]. */
export function mlaRef(config: MlaConfig, weights: MlaRefWeights, x: Float64Array, tokens: MlaRefTokens): MlaRefResult {
  const shape = attentionShape(config, tokens);
  const table = ropeTable(config, tokens.positions ?? defaultPositions(tokens));
  const queries = queryPath(config, weights, x, table);
  const latents = keyValuePath(config, weights, x, table);
  const { q } = queries;
  const { k, v } = latents;
  const { out: heads, probabilities } = causalAttentionRef(q, k, v, shape);
  const headsDim = config.numAttentionHeads * config.vHeadDim;
  const backward = (gradOut: Float64Array) => {
    const output = linearBackwardRef(gradOut, heads, weights["o_proj.weight"], headsDim);
    const grads = causalAttentionBackwardRef(output.x, { q, k, v }, probabilities, shape);
    const query = queries.backward(grads.q);
    const keyValue = latents.backward(grads.k, grads.v);
    return {
      x: query.x.map((value, i) => value + keyValue.x[i]),
      weights: { ...query.weights, ...keyValue.weights, "o_proj.weight": output.weight },
    };
  };
  const { latentCache, ropeKeyCache } = latents;
  return { out: linearRef(heads, weights["o_proj.weight"], headsDim), latentCache, ropeKeyCache, backward };
}

interface PathGradient {
  x: Float64Array;
  weights: Record<string, Float64Array>;
}

/** Eq. 6-9: x to rotated queries [B, T, N, nope + rope]. */
function queryPath(config: MlaConfig, weights: MlaRefWeights, x: Float64Array, table: RopeTable) {
  const { hiddenSize, qLoraRank, qkNopeHeadDim, qkRopeHeadDim, numAttentionHeads: heads } = config;
  const split = [qkNopeHeadDim, qkRopeHeadDim] as const;
  const rotate = (rows: Float64Array, inverse: boolean) => {
    const [nope, rope] = splitColumns(rows, split);
    return joinColumns(nope, rotateRef(rope, table, { heads, dim: qkRopeHeadDim, inverse }), split);
  };
  if (qLoraRank === null) {
    const backward = (gradQ: Float64Array): PathGradient => {
      const linear = linearBackwardRef(rotate(gradQ, true), x, weights["q_proj.weight"], hiddenSize);
      return { x: linear.x, weights: { "q_proj.weight": linear.weight } };
    };
    return { q: rotate(linearRef(x, weights["q_proj.weight"], hiddenSize), false), backward };
  }
  const [down, norm, up] = ["q_a_proj.weight", "q_a_layernorm.weight", "q_b_proj.weight"] as const;
  const latent = linearRef(x, weights[down], hiddenSize);
  const normed = rmsNormRef(latent, weights[norm], LATENT_EPS);
  const backward = (gradQ: Float64Array): PathGradient => {
    const upper = linearBackwardRef(rotate(gradQ, true), normed, weights[up], qLoraRank);
    const middle = rmsNormBackwardRef(upper.x, latent, weights[norm], LATENT_EPS);
    const lower = linearBackwardRef(middle.x, x, weights[down], hiddenSize);
    return { x: lower.x, weights: { [down]: lower.weight, [norm]: middle.weight, [up]: upper.weight } };
  };
  return { q: rotate(linearRef(normed, weights[up], qLoraRank), false), backward };
}

/** Eq. 1-5: x to keys [B, T, N, nope + rope] and values [B, T, N, vHeadDim], by way of the latent and the shared key. */
function keyValuePath(config: MlaConfig, weights: MlaRefWeights, x: Float64Array, table: RopeTable) {
  const { hiddenSize, kvLoraRank, qkNopeHeadDim: nope, qkRopeHeadDim: rope, vHeadDim, numAttentionHeads: N } = config;
  const [down, norm, up] = ["kv_a_proj_with_mqa.weight", "kv_a_layernorm.weight", "kv_b_proj.weight"] as const;
  const [latent, sharedKey] = splitColumns(linearRef(x, weights[down], hiddenSize), [kvLoraRank, rope]);
  const latentCache = rmsNormRef(latent, weights[norm], LATENT_EPS);
  const ropeKeyCache = rotateRef(sharedKey, table, { heads: 1, dim: rope });
  const [keys, v] = splitColumns(linearRef(latentCache, weights[up], kvLoraRank), [nope, vHeadDim]);
  const k = joinColumns(keys, repeatHeads(ropeKeyCache, N, rope), [nope, rope]);
  const backward = (gradK: Float64Array, gradV: Float64Array): PathGradient => {
    const [gradKeys, gradRope] = splitColumns(gradK, [nope, rope]);
    const upper = linearBackwardRef(
      joinColumns(gradKeys, gradV, [nope, vHeadDim]),
      latentCache,
      weights[up],
      kvLoraRank,
    );
    const middle = rmsNormBackwardRef(upper.x, latent, weights[norm], LATENT_EPS);
    const gradShared = rotateRef(sumHeads(gradRope, N, rope), table, { heads: 1, dim: rope, inverse: true });
    const lower = linearBackwardRef(
      joinColumns(middle.x, gradShared, [kvLoraRank, rope]),
      x,
      weights[down],
      hiddenSize,
    );
    return { x: lower.x, weights: { [down]: lower.weight, [norm]: middle.weight, [up]: upper.weight } };
  };
  return { k, v, latentCache, ropeKeyCache, backward };
}

function attentionShape(config: MlaConfig, { batch, length, documents }: MlaRefTokens): CausalAttentionShape {
  return {
    batch,
    length,
    heads: config.numAttentionHeads,
    qkDim: config.qkNopeHeadDim + config.qkRopeHeadDim,
    vDim: config.vHeadDim,
    scale: softmaxScale(config),
    ...(documents === undefined ? {} : { documents }),
  };
}

function defaultPositions({ batch, length }: MlaRefTokens): Float64Array {
  return Float64Array.from({ length: batch * length }, (_, i) => i % length);
}

/** [rows, a + b] to [rows, a] and [rows, b]. */
function splitColumns(x: Float64Array, [a, b]: readonly [number, number]): [Float64Array, Float64Array] {
  const rows = x.length / (a + b);
  const left = new Float64Array(rows * a);
  const right = new Float64Array(rows * b);
  for (let row = 0; row < rows; row++) {
    left.set(x.subarray(row * (a + b), row * (a + b) + a), row * a);
    right.set(x.subarray(row * (a + b) + a, (row + 1) * (a + b)), row * b);
  }
  return [left, right];
}

/** The inverse of splitColumns. */
function joinColumns(left: Float64Array, right: Float64Array, [a, b]: readonly [number, number]): Float64Array {
  const out = new Float64Array(left.length + right.length);
  for (let row = 0; row < left.length / a; row++) {
    out.set(left.subarray(row * a, (row + 1) * a), row * (a + b));
    out.set(right.subarray(row * b, (row + 1) * b), row * (a + b) + a);
  }
  return out;
}

/** [P, R] to [P, N, R]. */
function repeatHeads(x: Float64Array, N: number, R: number): Float64Array {
  return Float64Array.from({ length: x.length * N }, (_, i) => x[Math.floor(i / (N * R)) * R + (i % R)]);
}

/** [P, N, R] to [P, R]: the gradient of repeatHeads. */
function sumHeads(x: Float64Array, N: number, R: number): Float64Array {
  const out = new Float64Array(x.length / N);
  for (let i = 0; i < x.length; i++) out[Math.floor(i / (N * R)) * R + (i % R)] += x[i];
  return out;
}
