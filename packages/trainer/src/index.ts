export { readNewestCheckpoint, type StoredCheckpoint, writeCheckpoint } from "./checkpoint-store.ts";
export { NonFiniteError, TrainingCheckpointError } from "./errors.ts";
export { createOptimizer, type Optimizer, type OptimizerOptions } from "./optimizer.ts";
export { formatProgress, type Progress, worstLoad } from "./progress.ts";
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
  scheduleTokens,
} from "./schedules.ts";
export { type TrainOptions, type TrainResult, train } from "./train.ts";
export type { BatchSource, LossOutput, ModelFiles, StepRecord, TrainableModel, ValidationRecord } from "./types.ts";
