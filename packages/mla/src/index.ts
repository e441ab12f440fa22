// The layer.

export { assembleKeyValue, type KeyValue } from "./key-value.ts";
export {
  type Linear,
  type MlaOutput,
  type MlaParameters,
  type MlaTokens,
  mla,
  mlaParameterSpecs,
  mlaParameters,
} from "./mla.ts";
export type { MlaConfig, RopeConfig, YarnScaling } from "./types.ts";

// Decoding.

export { appendLatents, createLatentCache, type LatentCache, mlaDecode } from "./latent-cache.ts";

// Rotation.

export { createRotation } from "./mla.ts";
export { type RopeTable, ropeFrequencies, ropeTable, softmaxScale } from "./rope-table.ts";
