export { bf16ToF32, f32ToBf16 } from "./bf16.ts";
export { f16ToF32, f32ToF16 } from "./f16.ts";
export { parseSafetensors, type SafetensorsTensor } from "./parse-safetensors.ts";
export {
  bytesPerElement,
  isSafetensorsDtype,
  SAFETENSORS_DTYPES,
  type SafetensorsData,
  type SafetensorsDtype,
  viewAs,
} from "./safetensors-dtypes.ts";
export { parseSafetensorsHeader, type SafetensorsEntry, type SafetensorsHeader } from "./safetensors-header.ts";
export {
  layoutSafetensors,
  type SafetensorsInput,
  type SafetensorsLayout,
  serializeSafetensors,
} from "./serialize-safetensors.ts";
