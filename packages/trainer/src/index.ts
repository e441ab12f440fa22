export { abortOnSignals, type SignalAbort } from "./abort-on-signals.ts";
export { arenaFiles } from "./arena-files.ts";
export { type BatchShape, batchSource, type CursorIterator, type WeighedRows } from "./batch-source.ts";
export { KernelsChangedError, NonFiniteError, TrainingCheckpointError } from "./errors.ts";
export { type EvaluateOptions, evaluate } from "./evaluate.ts";
export { kernelTableOf, readKernelTable } from "./kernels-in-use.ts";
export { createOptimizer, type Optimizer, type OptimizerOptions } from "./optimizer.ts";
export type { LanguageModel, Policy, TokenRows } from "./policy.ts";
export { formatProgress, type Progress } from "./progress.ts";
export { readNewestCheckpoint, type StoredCheckpoint } from "./read-newest-checkpoint.ts";
export { type RehearsalOptions, rehearseTraining } from "./rehearse-training.ts";
export {
  type BatchRamp,
  batchSequences,
  type CosineSchedule,
  type DeepseekV3Schedule,
  deepseekV3BatchRamp,
  deepseekV3Schedule,
  type LearningRateSchedule,
  learningRate,
  type MultiStepSchedule,
  multiStepSchedule,
  type RunLength,
  scaleBatchRamp,
  scaleSchedule,
} from "./schedules.ts";
export { train } from "./train.ts";
export type { TrainOptions, TrainResult } from "./train-options.ts";
export type { BatchSource, LossOutput, ModelFiles, StepRecord, TrainableModel, ValidationRecord } from "./types.ts";
export { writeFileWhole } from "./write-file-whole.ts";
