import { linearBackwardRef, linearRef, type MlpRefWeights, mlpBackwardRef, mlpRef } from "@ds3/tensor/reference";
import { expertLoadRef, type RouteRefResult, routeBackwardRef, routeRef } from "./route.ref.ts";
import type { MoeConfig } from "./types.ts";

/** A layer's weights: the router, E routed experts packed along the first axis, and the shared network. */
export interface MoeRefWeights {
  /** mlp.gate.weight, [E, D]. */
  readonly gate: Float64Array;
  /** mlp.gate.e_score_correction_bias, [E]. */
  readonly bias: Float64Array;
  /** gateProj and upProj [E, F, D], downProj [E, D, F]. */
  readonly experts: MlpRefWeights;
  /** gateProj and upProj [Fs, D], downProj [D, Fs]; absent without shared experts. */
  readonly shared?: MlpRefWeights;
}

/** Result of {@link moeRef}: output, decisions, and the backward pass. */
export interface MoeRefResult {
  /** Routed plus shared experts, [T, D]; no residual. */
  readonly out: Float64Array;
  readonly route: RouteRefResult;
  /** Tokens per expert, [E]. */
  readonly load: Int32Array;
  /**
   * Gradients for x and every weight, given that of `out`. `gradLogits` [T, E] is added to the router logits' gradient:
   * the balance loss enters there. The bias has none.
   */
  readonly backward: (gradOut: Float64Array, gradLogits?: Float64Array) => MoeRefGradients;
}

/** Gradients of a layer, shaped like what they belong to. */
export interface MoeRefGradients {
  readonly x: Float64Array;
  readonly gate: Float64Array;
  readonly experts: MlpRefWeights;
  readonly shared?: MlpRefWeights;
}

/**
 * One DeepSeekMoE layer, f64 (report, Eq. 12 without the residual): sum_i FFN^s_i(u) + sum of chosen g_i FFN^r_i(u).
 *
 * x [T, hiddenSize]. Every expert runs on exactly the tokens that chose it, one token at a time.
 */
export function moeRef(config: MoeConfig, weights: MoeRefWeights, x: Float64Array): MoeRefResult {
  const { hiddenSize: D, numExpertsPerTok: K, nRoutedExperts: E } = config;
  const route = routeRef(config, linearRef(x, weights.gate, D), weights.bias);
  const out = weights.shared === undefined ? new Float64Array(x.length) : mlpRef(x, weights.shared, D);
  for (let slot = 0; slot < route.indices.length; slot++) {
    const t = Math.floor(slot / K);
    const y = mlpRef(row(x, t, D), expert(config, weights.experts, route.indices[slot]), D);
    for (let d = 0; d < D; d++) out[t * D + d] += route.weights[slot] * y[d];
  }
  const backward = (gradOut: Float64Array, gradLogits?: Float64Array) =>
    moeBackward(config, weights, x, route, { gradOut, gradLogits });
  return { out, route, load: expertLoadRef(route.indices, E), backward };
}

function moeBackward(
  config: MoeConfig,
  weights: MoeRefWeights,
  x: Float64Array,
  route: RouteRefResult,
  { gradOut, gradLogits }: { gradOut: Float64Array; gradLogits: Float64Array | undefined },
): MoeRefGradients {
  const { hiddenSize: D, numExpertsPerTok: K } = config;
  const { x: gradX, ...shared } = sharedBackward(weights.shared, x, gradOut, D);
  const experts = zerosLike(weights.experts);
  const gradWeights = new Float64Array(route.weights.length);
  for (let slot = 0; slot < route.indices.length; slot++) {
    const t = Math.floor(slot / K);
    const token = row(x, t, D);
    const network = expert(config, weights.experts, route.indices[slot]);
    const gradToken = row(gradOut, t, D);
    gradWeights[slot] = mlpRef(token, network, D).reduce((sum, y, d) => sum + y * gradToken[d], 0);
    const weighted = gradToken.map((value) => value * route.weights[slot]);
    const grads = mlpBackwardRef(weighted, token, network, D);
    const target = expert(config, experts, route.indices[slot]);
    for (const name of ["gateProj", "upProj", "downProj"] as const) addTo(target[name], grads[name]);
    addTo(row(gradX, t, D), grads.x);
  }
  const logits = routeBackwardRef(config, route, gradWeights);
  if (gradLogits !== undefined) addTo(logits, gradLogits);
  const gate = linearBackwardRef(logits, x, weights.gate, D);
  addTo(gradX, gate.x);
  return { x: gradX, gate: gate.weight, experts, ...shared };
}

function sharedBackward(shared: MlpRefWeights | undefined, x: Float64Array, gradOut: Float64Array, D: number) {
  if (shared === undefined) return { x: new Float64Array(x.length) };
  const { x: gradX, ...weights } = mlpBackwardRef(gradOut, x, shared, D);
  return { x: gradX, shared: weights };
}

/** Views of one expert's weights. */
function expert({ hiddenSize: D, moeIntermediateSize: F }: MoeConfig, packed: MlpRefWeights, e: number): MlpRefWeights {
  return {
    gateProj: row(packed.gateProj, e, F * D),
    upProj: row(packed.upProj, e, F * D),
    downProj: row(packed.downProj, e, D * F),
  };
}

function row(x: Float64Array, index: number, length: number): Float64Array {
  return x.subarray(index * length, (index + 1) * length);
}

function addTo(target: Float64Array, values: Float64Array): void {
  values.forEach((value, i) => {
    target[i] += value;
  });
}

function zerosLike({ gateProj, upProj, downProj }: MlpRefWeights): MlpRefWeights {
  const zeros = (like: Float64Array) => new Float64Array(like.length);
  return { gateProj: zeros(gateProj), upProj: zeros(upProj), downProj: zeros(downProj) };
}
