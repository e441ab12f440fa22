// Config.

export type { DeepseekConfig } from "./config.ts";
export { configToJson } from "./config-to-json.ts";
export { countParameters, type ParameterCount } from "./count-parameters.ts";
export { parseConfig } from "./parse-config.ts";
export { deepseekPresets, deepseekV3, type Preset, type PresetName } from "./presets.ts";

// The model.

export type { DecoderLayer, DecoderLayerOutput } from "./decoder-layer.ts";
export { generate } from "./generate.ts";
export type { GeneratedSequence, GenerateOptions, NewTokens } from "./generate-options.ts";
export {
  createDeepseek,
  type DeepseekLoss,
  DeepseekModel,
  type ForwardOutput,
} from "./model.ts";
export type { DeepseekOptions } from "./model-options.ts";
export { type LinearSite, type Linears, type Precision, precisions } from "./precision.ts";
export type { TokenBatch, TrainingBatch } from "./token-batch.ts";

// Checkpoints.

export {
  type CheckpointDifference,
  CheckpointError,
  checkStrict,
  type FoundTensor,
  type MisshapedTensor,
  type WantedTensor,
} from "./check-strict.ts";
export { type CheckpointTensor, checkpointTensors, type ModelParts, type TensorKind } from "./checkpoint-names.ts";
export {
  type CheckpointTensors,
  loadCheckpointTensors,
  loadModelFiles,
  type SaveOptions,
  saveModelFiles,
} from "./model-files.ts";
export { parameterMap, type TensorPlace } from "./parameter-map.ts";
