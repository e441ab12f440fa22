import { checkpointTensors, type ModelParts } from "./checkpoint-names.ts";
import type { DeepseekConfig } from "./config.ts";

/** Numbers of parameters. The router's bias is a buffer and counts nowhere. */
export interface ParameterCount {
  /** The main model, embedding and head included. */
  readonly total: number;
  /** Of the main model, what works on one token: numExpertsPerTok of the routed experts, and no embedding (a lookup). */
  readonly active: number;
  /** What the multi-token prediction modules add; embedding and head are shared and not counted again. */
  readonly mtp: number;
}

/** Count a config's parameters from its list of tensors; DeepSeek-V3: 671B, 36.6B active, 11.6B in the MTP module. */
export function countParameters(config: DeepseekConfig, parts: ModelParts = {}): ParameterCount {
  const count = { total: 0, active: 0, mtp: 0 };
  for (const { kind, shape, layer = 0 } of checkpointTensors(config, parts)) {
    if (kind === "buffer" || kind === "copy") continue;
    const size = shape.reduce((a, b) => a * b, 1);
    if (layer >= config.numHiddenLayers) count.mtp += size;
    else count.total += size;
    if (layer >= config.numHiddenLayers || kind === "embedding") continue;
    // K of E equal experts work on a token: each counts for K / E of itself.
    count.active += kind === "expert" ? (size * config.numExpertsPerTok) / config.nRoutedExperts : size;
  }
  return { ...count, active: Math.round(count.active) };
}
