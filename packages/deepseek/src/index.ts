export {
  type CheckpointDifference,
  CheckpointError,
  checkStrict,
  type FoundTensor,
  type MisshapedTensor,
} from "./check-strict.ts";
export { type CheckpointTensor, checkpointTensors, type TensorKind } from "./checkpoint-names.ts";
export type { DeepseekConfig } from "./config.ts";
export { configToJson } from "./config-to-json.ts";
export { countParameters, type ParameterCount } from "./count-parameters.ts";
export { parseConfig } from "./parse-config.ts";
export { deepseekPresets, deepseekV3, type Preset, type PresetName } from "./presets.ts";
