import { largest } from "./route.ref.ts";
import type { BalanceTopk } from "./types.ts";

/** Sizes and weight of {@link balanceLossRef}. */
export interface BalanceLossRefOptions {
  readonly batch: number;
  readonly length: number;
  readonly nRoutedExperts: number;
  readonly numExpertsPerTok: number;
  /** alpha; DeepSeek-V3 trains with 1e-4. */
  readonly balanceLossWeight: number;
  readonly balanceTopk: BalanceTopk;
}

/**
 * Sequence-wise balance loss and its gradient for the router's logits, f64 (report, Eq. 17-20), mean over sequences:
 *
 *   loss = alpha sum_i f_i P_i,  f_i = E / (K T) * (times i was chosen),  P_i = mean_t s'_i,  s' = s / sum_j s_j
 *
 * scores [B T, E] in (0, 1); indices [B T, K] are read for `selected` only; gradLogits [B T, E]. f_i is a count and has
 * no gradient, so dloss/ds_i = alpha / (B T S) (f_i - sum_j f_j s'_j) with S = sum_j s_j.
 */
export function balanceLossRef(
  scores: Float64Array,
  indices: ArrayLike<number>,
  options: BalanceLossRefOptions,
): { loss: number; gradLogits: Float64Array } {
  const { batch: B, length: T, nRoutedExperts: E, numExpertsPerTok: K, balanceLossWeight: alpha } = options;
  const gradLogits = new Float64Array(scores.length);
  let loss = 0;
  for (let b = 0; b < B; b++) {
    const f = new Float64Array(E);
    for (let t = b * T; t < (b + 1) * T; t++) {
      for (const e of counted(scores, indices, t, options)) f[e] += E / (K * T);
    }
    for (let t = b * T; t < (b + 1) * T; t++) {
      const row = scores.subarray(t * E, (t + 1) * E);
      const S = row.reduce((sum, score) => sum + score, 0);
      const weighted = row.reduce((sum, score, e) => sum + (f[e] * score) / S, 0);
      loss += (alpha * weighted) / (B * T);
      row.forEach((score, e) => {
        gradLogits[t * E + e] = ((alpha * (f[e] - weighted)) / (B * T * S)) * score * (1 - score);
      });
    }
  }
  return { loss, gradLogits };
}

function counted(
  scores: Float64Array,
  indices: ArrayLike<number>,
  t: number,
  options: BalanceLossRefOptions,
): number[] {
  const { nRoutedExperts: E, numExpertsPerTok: K, balanceTopk } = options;
  if (balanceTopk === "literal") return largest(scores.subarray(t * E, (t + 1) * E), K);
  return Array.from({ length: K }, (_, k) => indices[t * K + k]);
}
