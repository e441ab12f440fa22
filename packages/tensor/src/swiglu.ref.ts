import { linearBackwardRef, linearRef } from "./matmul.ref.ts";

/** SwiGLU in f64: silu(gate) * up, silu(z) = z / (1 + e^-z). gate and up have one shape, which is the result's. */
export function swigluRef(gate: Float64Array, up: Float64Array): Float64Array {
  return gate.map((z, i) => z * sigmoid(z) * up[i]);
}

/** Gradients of {@link swigluRef}: silu'(z) = s + z s (1 - s) with s = sigmoid(z). */
export function swigluBackwardRef(
  gradOut: Float64Array,
  gate: Float64Array,
  up: Float64Array,
): { gate: Float64Array; up: Float64Array } {
  return {
    gate: gate.map((z, i) => gradOut[i] * up[i] * sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    up: gate.map((z, i) => gradOut[i] * z * sigmoid(z)),
  };
}

/** Weights of a gated feed-forward network: gateProj and upProj [F, D], downProj [D, F]. */
export interface MlpRefWeights {
  readonly gateProj: Float64Array;
  readonly upProj: Float64Array;
  readonly downProj: Float64Array;
}

/** The feed-forward network of dense layers and of every expert, f64: down(silu(gate(x)) * up(x)). x [T, D] to [T, D]. */
export function mlpRef(x: Float64Array, weights: MlpRefWeights, hiddenSize: number): Float64Array {
  const hidden = swigluRef(linearRef(x, weights.gateProj, hiddenSize), linearRef(x, weights.upProj, hiddenSize));
  return linearRef(hidden, weights.downProj, weights.downProj.length / hiddenSize);
}

/** Gradients of {@link mlpRef} for its input and its three weights. */
export function mlpBackwardRef(
  gradOut: Float64Array,
  x: Float64Array,
  weights: MlpRefWeights,
  hiddenSize: number,
): MlpRefWeights & { readonly x: Float64Array } {
  const gate = linearRef(x, weights.gateProj, hiddenSize);
  const up = linearRef(x, weights.upProj, hiddenSize);
  const down = linearBackwardRef(gradOut, swigluRef(gate, up), weights.downProj, weights.downProj.length / hiddenSize);
  const inner = swigluBackwardRef(down.x, gate, up);
  const gateSide = linearBackwardRef(inner.gate, x, weights.gateProj, hiddenSize);
  const upSide = linearBackwardRef(inner.up, x, weights.upProj, hiddenSize);
  return {
    x: gateSide.x.map((value, i) => value + upSide.x[i]),
    gateProj: gateSide.weight,
    upProj: upSide.weight,
    downProj: down.weight,
  };
}

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}
