/**
 * Attention in f64, written from the equations (scaled dot-product attention: O = softmax(scale Q K^T + mask) V and its
 * derivatives), one query at a time. Letters: B batch, T queries, S keys, N heads.
 */

/** Sizes and mask of one attention. */
export interface AttentionShape {
  readonly B: number;
  readonly T: number;
  readonly S: number;
  readonly N: number;
  readonly headDimQk: number;
  readonly headDimV: number;
  readonly scale: number;
  /** The query at t sees keys up to `t + keyOffset`. */
  readonly keyOffset: number;
  /** [B, T]: index of the first key that a query may see; none: 0. */
  readonly documentStart?: ArrayLike<number>;
}

/** q [B, T, N, Dqk], k [B, S, N, Dqk], v [B, S, N, Dv]. */
export interface AttentionInputs {
  readonly q: Float64Array;
  readonly k: Float64Array;
  readonly v: Float64Array;
}

/** out [B, T, N, Dv] and lse [B, N, T], the natural log-sum-exp of a query's scaled scores. */
export interface AttentionOutputs {
  readonly out: Float64Array;
  readonly lse: Float64Array;
}

/** Forward: `out = sum_s softmax_s(scale q.k_s) v_s` over the keys a query sees. */
export function flashAttentionRef(shape: AttentionShape, { q, k, v }: AttentionInputs): AttentionOutputs {
  const out = new Float64Array(shape.B * shape.T * shape.N * shape.headDimV);
  const lse = new Float64Array(shape.B * shape.N * shape.T);
  eachQuery(shape, ({ query, value, statistic, keys }) => {
    const scores = keys.map((key) => shape.scale * dot(q, query, k, key.k, shape.headDimQk));
    const max = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const sum = scores.reduce((total, score) => total + Math.exp(score - max), 0);
    lse[statistic] = max + Math.log(sum);
    keys.forEach((key, i) => {
      addScaled(out, value, v, key.v, shape.headDimV, Math.exp(scores[i]! - max) / sum);
    });
  });
  return { out, lse };
}

/**
 * Backward. With p the softmax and dP_s = dOut.v_s: dV_s += p_s dOut, dScore_s = p_s (dP_s - sum_r p_r dP_r),
 * dQ += scale dScore_s k_s, dK_s += scale dScore_s q.
 */
export function flashAttentionBackwardRef(
  shape: AttentionShape,
  inputs: AttentionInputs,
  dOut: Float64Array,
): { readonly dq: Float64Array; readonly dk: Float64Array; readonly dv: Float64Array } {
  const { q, k, v } = inputs;
  const { scale, headDimQk, headDimV } = shape;
  const { lse } = flashAttentionRef(shape, inputs);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  eachQuery(shape, ({ query, value, statistic, keys }) => {
    const p = keys.map((key) => Math.exp(scale * dot(q, query, k, key.k, headDimQk) - lse[statistic]!));
    const dP = keys.map((key) => dot(dOut, value, v, key.v, headDimV));
    const mean = p.reduce((total, weight, i) => total + weight * dP[i]!, 0);
    keys.forEach((key, i) => {
      const dScore = scale * p[i]! * (dP[i]! - mean);
      addScaled(dv, key.v, dOut, value, headDimV, p[i]!);
      addScaled(dq, query, k, key.k, headDimQk, dScore);
      addScaled(dk, key.k, q, query, headDimQk, dScore);
    });
  });
  return { dq, dk, dv };
}

interface Query {
  /** Offsets of the query's row in q, in out, and in lse. */
  readonly query: number;
  readonly value: number;
  readonly statistic: number;
  /** Offsets in k and v of the keys that it sees. */
  readonly keys: readonly { readonly k: number; readonly v: number }[];
}

function eachQuery(shape: AttentionShape, visit: (query: Query) => void): void {
  const { B, T, S, N, headDimQk, headDimV, keyOffset, documentStart } = shape;
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      const first = documentStart?.[b * T + t] ?? 0;
      const count = Math.min(t + keyOffset, S - 1) + 1 - first;
      for (let n = 0; n < N; n++) {
        const keys = Array.from({ length: count }, (_, i) => {
          const row = (b * S + first + i) * N + n;
          return { k: row * headDimQk, v: row * headDimV };
        });
        const row = (b * T + t) * N + n;
        visit({ query: row * headDimQk, value: row * headDimV, statistic: (b * N + n) * T + t, keys });
      }
    }
  }
}

function dot(a: Float64Array, i: number, b: Float64Array, j: number, size: number): number {
  let sum = 0;
  for (let d = 0; d < size; d++) sum += a[i + d]! * b[j + d]!;
  return sum;
}

function addScaled(a: Float64Array, i: number, b: Float64Array, j: number, size: number, factor: number): void {
  for (let d = 0; d < size; d++) a[i + d] = a[i + d]! + factor * b[j + d]!;
}
