export { computeReferenceLogProbs, type ReferenceOptions } from "./compute-reference-log-probs.ts";
export {
  createPreferenceBatches,
  type PreferenceBatch,
  type PreferenceBatches,
  type PreferenceBatchOptions,
} from "./create-preference-batches.ts";
export { type DpoLossOptions, type DpoLossOutput, dpoLoss } from "./dpo-loss.ts";
export { dpoModel } from "./dpo-model.ts";
export { dpoLossNames } from "./dpo-settings.ts";
export {
  type EncodedPreferences,
  type EncodePreferencesOptions,
  encodePreferences,
  type PreferenceText,
} from "./encode-preferences.ts";
export { ReferenceCacheError } from "./errors.ts";
export { type PackPairsOptions, type PairRows, packPairs } from "./pack-pairs.ts";
export type { PairLogProbsOptions } from "./pair-log-probs.ts";
export { type PreferenceAccuracy, type PreferenceAccuracyOptions, preferenceAccuracy } from "./preference-accuracy.ts";
export { sumSequences } from "./sum-sequences.ts";
export type { DpoLossName, DpoLossSettings, PreferencePair, ReferenceLogProbs } from "./types.ts";
