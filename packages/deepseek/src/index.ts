// Config.

export type { DeepseekConfig } from "./config.ts";
export { configToJson } from "./config-to-json.ts";
export { countParameters, type ParameterCount } from "./count-parameters.ts";
export { parseConfig } from "./parse-config.ts";
export { deepseekPresets, deepseekV3, type Preset, type PresetName } from "./presets.ts";

// The model.

export type { DecoderLayer, DecoderLayerOutput } from "./decoder-layer.ts";
export { type GenerateOptions, generate } from "./generate.ts";
export {
  createDeepseek,
  type DeepseekLoss,
  DeepseekModel,
  type DeepseekOptions,
  type ForwardOutput,
  type TokenBatch,
  type TrainingBatch,
} from "./model.ts";

// Checkpoints.

export {
  type CheckpointDifference,
  CheckpointError,
  checkStrict,
  type FoundTensor,
  type MisshapedTensor,
} from "./check-strict.ts";
export { type CheckpointTensor, checkpointTensors, type TensorKind } from "./checkpoint-names.ts";
export { type CheckpointTensors, loadCheckpointTensors, loadModelFiles, saveModelFiles } from "./model-files.ts";
export { parameterMap, type TensorPlace } from "./parameter-map.ts";
