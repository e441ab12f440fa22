import type { Dtype, ParameterSpec } from "@ds3/tensor";
import type { MoeConfig } from "./types.ts";

/** A tensor of a layer that is not trained by gradients. */
export interface StateSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/**
 * Names and shapes of a layer's trained parameters, for an `Arena` to allocate. All are matrices (or one per expert), so
 * weight decay applies to all. Without shared experts there are no `shared` ones.
 */
export function moeParameterSpecs(config: MoeConfig): ParameterSpec[] {
  const { hiddenSize: D, moeIntermediateSize: F, nRoutedExperts: E, nSharedExperts } = config;
  const shared = nSharedExperts * F;
  const spec = (name: string, shape: readonly number[]): ParameterSpec => ({ name, shape, decay: true });
  return [
    spec("gate", [E, D]),
    spec("expertsGateUp", [E, 2 * F, D]),
    spec("expertsDown", [E, D, F]),
    ...(shared > 0 ? [spec("sharedGateUp", [2 * shared, D]), spec("sharedDown", [D, shared])] : []),
  ];
}

/** The router's bias (belongs in checkpoints) and its load counter (empty between optimiser steps). Both start at zero. */
export function moeStateSpecs({ nRoutedExperts: E }: Pick<MoeConfig, "nRoutedExperts">): StateSpec[] {
  return [
    { name: "bias", shape: [E], dtype: "f32" },
    { name: "load", shape: [E], dtype: "u32" },
  ];
}
