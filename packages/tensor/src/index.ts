import "./symbols.ts";

export { type AdamwMoments, type AdamwOptions, adamwStep, createMoments } from "./adamw.ts";
export { Arena, type ArenaSegment, type ParameterSpec } from "./arena.ts";
export { argmaxRows } from "./argmax-rows.ts";
export { add, addScaled, mul, scale } from "./arithmetic.ts";
export { cast } from "./cast.ts";
export { checkpoint } from "./checkpoint.ts";
export { concatColumns, splitColumns } from "./columns.ts";
export { type CrossEntropyOptions, crossEntropy, crossEntropyRows, IGNORED_TARGET } from "./cross-entropy.ts";
export { dims } from "./dims.ts";
export type { Dtype } from "./dtype.ts";
export { embedding } from "./embedding.ts";
export {
  BindingLimitError,
  DeviceLostError,
  GpuValidationError,
  NoAdapterError,
  OutOfMemoryError,
  UseAfterFreeError,
} from "./errors.ts";
export { type FlashAttentionOptions, flashAttention } from "./flash-attention.ts";
export type { AdapterSummary, Gpu, GpuStats } from "./gpu.ts";
export { gradientNorm } from "./gradient-norm.ts";
export { FLAT_INDEX, flatGrid } from "./grid.ts";
export { createRowGroups, groupedMatmul, type RowGroups } from "./grouped-matmul.ts";
export { type IdRange, uploadIds } from "./host-ids.ts";
export { cachedTemplate, defineKernel, type Kernel } from "./kernel.ts";
export { type MatmulOptions, matmul } from "./matmul.ts";
export { type OpenGpuOptions, openGpu } from "./open-gpu.ts";
export { fillNormal, type RandomStream, randomWords } from "./philox.ts";
export type { Profile } from "./profiler.ts";
export { type RmsNormOptions, rmsNorm } from "./rms-norm.ts";
export { type RotaryAngles, type RotaryWindow, rotary } from "./rotary.ts";
export type { Scope } from "./scope.ts";
export { swiglu } from "./swiglu.ts";
export { type GradientSink, record, type Tape, type TapeNode } from "./tape.ts";
export { type KernelTarget, type Team, teamFeatures, teamOf, teamReductions } from "./target.ts";
export { Tensor } from "./tensor.ts";
