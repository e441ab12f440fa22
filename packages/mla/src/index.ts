export { assembleKeyValue, type KeyValue } from "./key-value.ts";
export { appendLatents, createLatentCache, type LatentCache, mlaDecode } from "./latent-cache.ts";
export {
  createRotation,
  type Linear,
  type MlaOutput,
  type MlaParameters,
  type MlaTokens,
  mla,
  mlaParameterSpecs,
  mlaParameters,
} from "./mla.ts";
export { type RopeTable, ropeFrequencies, ropeTable, softmaxScale } from "./rope-table.ts";
export type { MlaConfig, RopeConfig, YarnScaling } from "./types.ts";
