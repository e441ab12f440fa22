import { parseSafetensors } from "@ds3/tensor/safetensors";
import { type DeepseekConfig, type DeepseekModel, deepseekV3, saveModelFiles } from "../src/index.ts";

/** Every part of the model, a prediction module included, as small as it gets. */
export const smallConfig: DeepseekConfig = deepseekV3("tiny", {
  vocabSize: 40,
  hiddenSize: 32,
  intermediateSize: 48,
  moeIntermediateSize: 16,
  numHiddenLayers: 2,
  qLoraRank: 16,
  kvLoraRank: 16,
  numAttentionHeads: 2,
  maxPositionEmbeddings: 64,
  initializerRange: 0.1,
});

/** A model's weights by checkpoint name, in double precision. */
export async function weightsOf(model: DeepseekModel): Promise<Record<string, Float64Array>> {
  const tensors = parseSafetensors((await saveModelFiles(model))["model.safetensors"]!);
  return Object.fromEntries([...tensors].map(([name, { data }]) => [name, Float64Array.from(data as Float32Array)]));
}
