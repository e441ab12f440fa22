import { mlaParameterSpecs } from "@ds3/mla";
import { moeParameterSpecs, moeStateSpecs } from "@ds3/moe";
import { mtpParameterSpecs } from "@ds3/mtp";
import type { Gpu, ParameterSpec, Tensor } from "@ds3/tensor";
import type { ModelParts } from "./checkpoint-names.ts";
import type { DeepseekConfig } from "./config.ts";

/** All trained parameters of a model, in the order of its layers; the names are those of `parameterMap`. */
export function modelParameterSpecs(config: DeepseekConfig, { scoreHead = false }: ModelParts = {}): ParameterSpec[] {
  const { hiddenSize: D, vocabSize: V, numHiddenLayers, numNextnPredictLayers } = config;
  const layers = Array.from({ length: numHiddenLayers + numNextnPredictLayers }, (_, layer) => layer);
  return [
    { name: "embed", shape: [V, D], decay: true },
    ...layers.flatMap((layer) => [
      ...(layer < numHiddenLayers ? [] : mtpParameterSpecs(D, `layers.${layer}.mtp.`)),
      ...blockSpecs(config, layer),
    ]),
    { name: "norm", shape: [D], decay: false },
    { name: "head", shape: [V, D], decay: true },
    ...(scoreHead ? [{ name: "score", shape: [1, D], decay: true }] : []),
  ];
}

function blockSpecs(config: DeepseekConfig, layer: number): ParameterSpec[] {
  const { hiddenSize: D, intermediateSize: F } = config;
  const prefix = `layers.${layer}.`;
  const feedForward = isDense(config, layer)
    ? [
        { name: "mlp.gateUp", shape: [2 * F, D], decay: true },
        { name: "mlp.down", shape: [D, F], decay: true },
      ]
    : moeParameterSpecs(config).map((spec) => ({ ...spec, name: `moe.${spec.name}` }));
  return [
    { name: `${prefix}inputNorm`, shape: [D], decay: false },
    ...mlaParameterSpecs(config, `${prefix}attention.`),
    { name: `${prefix}postAttentionNorm`, shape: [D], decay: false },
    ...feedForward.map((spec) => ({ ...spec, name: prefix + spec.name })),
  ];
}

/** What gradients do not train: bias and load counter of every layer with experts, by name, zero. */
export function createState(gpu: Gpu, config: DeepseekConfig): Map<string, Tensor> {
  const { numHiddenLayers, numNextnPredictLayers } = config;
  const state = new Map<string, Tensor>();
  for (let layer = 0; layer < numHiddenLayers + numNextnPredictLayers; layer++) {
    if (isDense(config, layer)) continue;
    for (const { name, shape, dtype } of moeStateSpecs(config))
      state.set(`layers.${layer}.moe.${name}`, gpu.zeros(shape, dtype));
  }
  return state;
}

/** Whether a layer has a dense feed-forward network in place of experts. */
export function isDense({ firstKDenseReplace }: DeepseekConfig, layer: number): boolean {
  return layer < firstKDenseReplace;
}
