import type { RouterConfig } from "./types.ts";

/*
 * DeepSeek-V3's router in f64 (report, section 2.1.2).
 *
 *   s_i = sigmoid(u e_i)                                   Eq. 15
 *   chosen = top K of s_i + b_i within the kept groups     Eq. 16; a group's score is the sum of its two best s_i + b_i
 *   g_i = s_i / sum of the chosen s * routedScalingFactor  Eq. 13-14, from the unbiased scores
 *
 * The bias decides who is chosen, never how much they weigh. Experts outside the kept groups are -inf, not 0: with a
 * negative bias 0 would beat a real choice. Equal choices go to the smaller expert number.
 *
 * Differs from the paper: 1e-20 is added to the sum, as in the released code.
 */

/** A router's decision for T tokens. */
export interface RouteRefResult {
  /** Unbiased affinities, [T, E]. */
  readonly scores: Float64Array;
  /** [T, nGroup]. */
  readonly groupScores: Float64Array;
  /** Chosen experts by descending choice, [T, K]. */
  readonly indices: Int32Array;
  /** Combine weights in the order of indices, [T, K]. */
  readonly weights: Float64Array;
}

const WEIGHT_SUM_EPS = 1e-20;

/** Route T tokens: logits [T, E], bias [E]. */
export function routeRef(config: RouterConfig, logits: Float64Array, bias: Float64Array): RouteRefResult {
  const { nRoutedExperts: E, numExpertsPerTok: K, nGroup, topkGroup } = config;
  const T = logits.length / E;
  const scores = logits.map(sigmoid);
  const groupScores = new Float64Array(T * nGroup);
  const indices = new Int32Array(T * K);
  const weights = new Float64Array(T * K);
  for (let t = 0; t < T; t++) {
    const row = scores.subarray(t * E, (t + 1) * E);
    const choice = row.map((score, e) => score + bias[e]);
    for (let g = 0; g < nGroup; g++) {
      const group = choice.slice((g * E) / nGroup, ((g + 1) * E) / nGroup);
      groupScores[t * nGroup + g] = largest(group, 2).reduce((sum, e) => sum + group[e], 0);
    }
    const kept = largest(groupScores.subarray(t * nGroup, (t + 1) * nGroup), topkGroup);
    const limited = choice.map((value, e) => (kept.includes(Math.floor((e * nGroup) / E)) ? value : -Infinity));
    const chosen = largest(limited, K);
    indices.set(chosen, t * K);
    weights.set(combineWeights(config, chosen, row), t * K);
  }
  return { scores, groupScores, indices, weights };
}

function combineWeights(config: RouterConfig, chosen: readonly number[], scores: Float64Array): number[] {
  const sum = config.normTopkProb ? chosen.reduce((total, e) => total + scores[e], WEIGHT_SUM_EPS) : 1;
  return chosen.map((e) => (scores[e] / sum) * config.routedScalingFactor);
}

/**
 * Gradient of {@link routeRef}'s weights for the logits, [T, E], given theirs, [T, K]. The choice itself and the bias have
 * none. With w_k = c s_k / S: ds_k = c (dw_k - sum_j dw_j s_j / S) / S; then times s (1 - s).
 */
export function routeBackwardRef(
  config: RouterConfig,
  { scores, indices }: Pick<RouteRefResult, "scores" | "indices">,
  gradWeights: Float64Array,
): Float64Array {
  const { nRoutedExperts: E, numExpertsPerTok: K, routedScalingFactor: c, normTopkProb } = config;
  const grad = new Float64Array(scores.length);
  for (let t = 0; t < indices.length / K; t++) {
    const slots = Array.from({ length: K }, (_, k) => ({
      at: t * E + indices[t * K + k],
      gradWeight: gradWeights[t * K + k],
    }));
    const sum = normTopkProb ? slots.reduce((total, { at }) => total + scores[at], WEIGHT_SUM_EPS) : 1;
    const shared = slots.reduce((total, { at, gradWeight }) => total + gradWeight * scores[at], 0) / sum;
    for (const { at, gradWeight } of slots) {
      const gradScore = (c * (gradWeight - (normTopkProb ? shared : 0))) / sum;
      grad[at] += gradScore * scores[at] * (1 - scores[at]);
    }
  }
  return grad;
}

/** Tokens per expert, [E], from indices [T, K]. */
export function expertLoadRef(indices: ArrayLike<number>, nRoutedExperts: number): Int32Array {
  const load = new Int32Array(nRoutedExperts);
  for (let i = 0; i < indices.length; i++) load[indices[i]]++;
  return load;
}

/**
 * The bias after one step of balancing without auxiliary loss: up by `biasUpdateSpeed` for experts below the mean load,
 * down above it, still at it (report, section 2.1.2). bias and load [E]; returns a new array.
 */
export function updateBiasRef(bias: Float64Array, load: ArrayLike<number>, biasUpdateSpeed: number): Float64Array {
  let total = 0;
  for (let e = 0; e < load.length; e++) total += load[e];
  return bias.map((value, e) => value + biasUpdateSpeed * Math.sign(total / load.length - load[e]));
}

/** Positions of the `count` largest values, best first; equal values by position. */
export function largest(values: Float64Array, count: number): number[] {
  return Array.from(values.keys())
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, count);
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
