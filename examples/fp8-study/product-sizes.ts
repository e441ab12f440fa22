import type { DeepseekConfig } from "@ds3/deepseek";

/** The three products of a linear layer, y = x W^T with W [O, I] and T tokens, and the length of the sum in each. */
export interface ProductSizes {
  /** Where the layer is, and its weight. */
  readonly layer: string;
  /** x times W: I. */
  readonly forward: number;
  /** dy times W: O. */
  readonly dgrad: number;
  /** dy times x: T. An expert's varies with its load; this is the mean. */
  readonly wgrad: number;
}

/** K of every product that FP8 quantises, for batches of `tokens`. */
export function productSizes(config: DeepseekConfig, tokens: number): ProductSizes[] {
  const { hiddenSize: D, qLoraRank, kvLoraRank, qkRopeHeadDim, qkNopeHeadDim, vHeadDim, numAttentionHeads: N } = config;
  const { intermediateSize, moeIntermediateSize, nSharedExperts, nRoutedExperts, numExpertsPerTok } = config;
  const layer = (name: string, I: number, O: number, T = tokens): ProductSizes => ({
    layer: name,
    forward: I,
    dgrad: O,
    wgrad: T,
  });
  const mlp = (name: string, F: number, T = tokens): ProductSizes[] => [
    layer(`${name}, gate and up`, D, 2 * F, T),
    layer(`${name}, down`, F, D, T),
  ];
  return [
    layer("attention, qkvA", D, (qLoraRank ?? 0) + kvLoraRank + qkRopeHeadDim),
    layer("attention, qB", qLoraRank ?? 0, N * (qkNopeHeadDim + qkRopeHeadDim)),
    layer("attention, kvB", kvLoraRank, N * (qkNopeHeadDim + vHeadDim)),
    layer("attention, o", N * vHeadDim, D),
    ...mlp("dense network", intermediateSize),
    ...mlp("shared expert", nSharedExperts * moeIntermediateSize),
    ...mlp("routed experts", moeIntermediateSize, (tokens * numExpertsPerTok) / nRoutedExperts),
  ];
}
