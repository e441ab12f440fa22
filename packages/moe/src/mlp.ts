import { matmul, swiglu, type Tensor } from "@ds3/tensor";

/** The two linear layers of a gated feed-forward network, by their weights' names. */
export type MlpSite = "gateUp" | "down";

/** Linear layers of a gated feed-forward network, exchanged to compute in another precision. */
export interface MlpLinears {
  /** x [..., I], weight [O, I] -> [..., O]; `site` says which of the two. Default f32: y = x W^T. */
  readonly linear?: (x: Tensor, weight: Tensor, site: MlpSite) => Tensor;
  /** `linear(swiglu(z), weight, "down")`, z [..., 2F], in one: it can keep less for backward. Default that. */
  readonly gatedLinear?: (z: Tensor, weight: Tensor) => Tensor;
}

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
export function mlp(
  x: Tensor,
  { gateUp, down }: MlpParameters,
  { linear = linearF32, gatedLinear }: MlpLinears = {},
): Tensor {
  const z = linear(x, gateUp, "gateUp");
  return gatedLinear ? gatedLinear(z, down) : linear(swiglu(z), down, "down");
}

function linearF32(x: Tensor, weight: Tensor): Tensor {
  return matmul(x, weight, { layout: "nt" });
}
