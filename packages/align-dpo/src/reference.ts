export { type DpoLossRefOptions, type DpoLossRefResult, dpoLossRef } from "./dpo-loss.ref.ts";
export { sumSequencesBackwardRef, sumSequencesRef } from "./sum-sequences.ref.ts";
export type { DpoLossName } from "./types.ts";
