export {
  type Batch,
  type BatchCursor,
  type BatchIterator,
  type BatchOptions,
  createBatches,
} from "./create-batches.ts";
export { createDeduplicator, type Deduplicator } from "./dedup/create-deduplicator.ts";
export { createDecontaminationStage, type DecontaminationOptions } from "./dedup/decontamination-stage.ts";
export type { DedupOptions } from "./dedup/dedup-options.ts";
export type { DedupCluster, DedupReport, DedupResult, KeepStage } from "./dedup/dedup-result.ts";
export { estimateSimilarity, MinHash, type MinHashSettings } from "./dedup/min-hash.ts";
export { simplifyText } from "./dedup/simplify-text.ts";
export type { Document } from "./document.ts";
export { EmptyDataError } from "./empty-data-error.ts";
export { createEpochOrder, type EpochCursor, type EpochOrder, type EpochOrderOptions } from "./epoch-order.ts";
export { C4_SETTINGS, type C4LineReason, type C4Options, type C4Settings, createC4 } from "./filters/c4.ts";
export { createFineweb, FINEWEB_SETTINGS, type FinewebSettings } from "./filters/fineweb.ts";
export { createGopherQuality, GOPHER_QUALITY_SETTINGS, type GopherQualitySettings } from "./filters/gopher-quality.ts";
export {
  createGopherRepetition,
  GOPHER_REPETITION_SETTINGS,
  type GopherRepetitionSettings,
  type NgramShares,
} from "./filters/gopher-repetition.ts";
export type { SettingsByLanguage } from "./filters/language-settings.ts";
export { documentKey } from "./keyed-random.ts";
export { type MixOptions, mixSources } from "./mixing/mix-sources.ts";
export type {
  Mix,
  MixBaseOptions,
  MixCursor,
  MixDocument,
  Mixed,
  MixReport,
  MixSource,
  MixSourceCursor,
  MixSourceReport,
} from "./mixing/mix-types.ts";
export { type ReplayOptions, replayMix } from "./mixing/replay-mix.ts";
export { createWeighting, type WeightRule, withWeights } from "./mixing/with-weights.ts";
export { createNormalizer, type NormalizeOptions, normalizeText } from "./normalize-text.ts";
export { type PackedRows, type PackRowsOptions, packRows } from "./pack-rows.ts";
export {
  type PackedTokens,
  type PackOptions,
  type PackTokensOptions,
  packDocuments,
  packTokens,
} from "./pack-tokens.ts";
export { createFim, type Fim, type FimOptions, type FimParts, type FimReport } from "./packing/create-fim.ts";
export {
  createTokenSplitter,
  type SplitToken,
  type TokenSplitter,
  type TokenSplitterOptions,
  type TokenSplitterReport,
} from "./packing/create-token-splitter.ts";
export { type BestFitBins, type BestFitOptions, packBestFit } from "./packing/pack-best-fit.ts";
export { type ChatRecord, parseChat } from "./parse-chat.ts";
export { type PreferenceRecord, parsePreference } from "./parse-preference.ts";
export { type PromptRecord, parsePrompt } from "./parse-prompt.ts";
export { createRandom, permutation, type Random, type RandomOptions, type RandomState } from "./random.ts";
export type { ChatMessage } from "./record-fields.ts";
export { RecordFormatError } from "./record-format-error.ts";
export { type SplitOptions, type SplitResult, splitDocuments } from "./split-documents.ts";
export {
  type DocumentStage,
  type Dropped,
  isDropped,
  type LanguageCounts,
  type RunStagesOptions,
  runStages,
  type StageReport,
  type StageSample,
} from "./stage.ts";
export { StageRunner, type StageRunnerOptions } from "./stage-runner.ts";
