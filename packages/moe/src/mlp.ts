import { matmul, swiglu, type Tensor } from "@ds3/tensor";

/** A linear layer: x [..., I], weight [O, I] -> [..., O]. Exchange it to compute in another precision. */
export type Linear = (x: Tensor, weight: Tensor) => Tensor;

/** Weights of a gated feed-forward network. */
export interface MlpParameters {
  /** f32 [2F, D]: rows 0..F are the gate projection, F..2F the up projection. */
  readonly gateUp: Tensor;
  /** f32 [D, F]. */
  readonly down: Tensor;
}

/**
 * The feed-forward network of dense layers and of shared experts: down(silu(gate x) * up x), silu(z) = z / (1 + e^-z).
 *
 * x f32 [..., D] -> [..., D]. Differentiable. Cost: three dispatches forward.
 * @throws ShapeError when the weights do not fit x or each other.
 */
export function mlp(x: Tensor, { gateUp, down }: MlpParameters, linear: Linear = linearF32): Tensor {
  return linear(swiglu(linear(x, gateUp)), down);
}

/** The linear layer in f32: y = x W^T. */
export function linearF32(x: Tensor, weight: Tensor): Tensor {
  return matmul(x, weight, { layout: "nt" });
}
