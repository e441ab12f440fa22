import { createDeepseek, type DeepseekModel, deepseekV3 } from "@ds3/deepseek";
import type { Gpu } from "@ds3/tensor";
import { tokenizer } from "./chats.ts";

/** Experts and a dense layer, as small as they get, for the conversations of the tests; without prediction modules. */
export const config = deepseekV3("tiny", {
  vocabSize: tokenizer.vocabSize,
  hiddenSize: 32,
  intermediateSize: 64,
  moeIntermediateSize: 16,
  numHiddenLayers: 2,
  numNextnPredictLayers: 0,
  numAttentionHeads: 2,
  qLoraRank: 16,
  kvLoraRank: 16,
  qkNopeHeadDim: 8,
  qkRopeHeadDim: 8,
  vHeadDim: 8,
  nRoutedExperts: 4,
});

/** Its loss is the cross-entropy alone. */
export function createTiny(gpu: Gpu, seed = 1): DeepseekModel {
  return createDeepseek(gpu, config, { seed, balanceLossWeight: 0 });
}
