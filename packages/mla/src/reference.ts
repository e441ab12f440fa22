export { type CausalAttentionShape, causalAttentionBackwardRef, causalAttentionRef } from "./causal-attention.ref.ts";
export { type MlaRefResult, type MlaRefTokens, type MlaRefWeights, mlaRef } from "./mla-attention.ref.ts";
export { rotateRef } from "./rope.ref.ts";
export { type RopeTable, ropeFrequencies, ropeTable, softmaxScale } from "./rope-table.ts";
export type { MlaConfig, RopeConfig, YarnScaling } from "./types.ts";
