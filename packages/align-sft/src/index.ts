export {
  createSftBatches,
  type SftBatch,
  type SftBatches,
  type SftBatchOptions,
} from "./create-sft-batches.ts";
export {
  type ChatRecord,
  type EncodeChatsOptions,
  type EncodedChats,
  encodeChats,
  type SftSample,
} from "./encode-chats.ts";
export { fineTune } from "./fine-tune.ts";
export {
  type FineTuneOptions,
  type FineTuneResult,
  type SftSampling,
  type SftSchedule,
  type SftStage,
  type StageResult,
  type StageStart,
  sftSchedule,
} from "./fine-tune-options.ts";
export { type PackSamplesOptions, packSamples, type SftRows } from "./pack-samples.ts";
export { type Completion, type RepetitionOptions, repetitionRate } from "./repetition-rate.ts";
export { sftLoss } from "./sft-loss.ts";
export type { StageRecord } from "./stage-log.ts";
