// The layer.

export { type AttentionHeads, attentionHeads, type HeadProjections } from "./attention-heads.ts";
export {
  type Linear,
  type MlaOutput,
  type MlaParameters,
  type MlaSite,
  type MlaTokens,
  mla,
  mlaParameterSpecs,
  mlaParameters,
} from "./mla.ts";
export type { MlaConfig, RopeConfig, YarnScaling } from "./types.ts";

// Decoding.

export { type ActiveSequences, type CacheRows, cacheRows } from "./cache-rows.ts";
export { appendLatents, createLatentCache, type LatentCache } from "./latent-cache.ts";
export { mlaDecode } from "./mla-decode.ts";
export { canMlaDecodeStep, type DecodeStep, mlaDecodeStep, uploadDecodeStep } from "./mla-decode-step.ts";

// Rotation.

export { createRotation } from "./mla.ts";
export { type RopeTable, ropeFrequencies, ropeTable, softmaxScale } from "./rope-table.ts";
