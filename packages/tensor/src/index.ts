import "./symbols.ts";

export type { Dtype } from "./dtype.ts";
export {
  BindingLimitError,
  DeviceLostError,
  GpuValidationError,
  NoAdapterError,
  OutOfMemoryError,
  UseAfterFreeError,
} from "./errors.ts";
export type { AdapterSummary, Gpu, GpuStats } from "./gpu.ts";
export { FLAT_INDEX, flatGrid } from "./grid.ts";
export { cachedTemplate, defineKernel, type Kernel } from "./kernel.ts";
export { type OpenGpuOptions, openGpu } from "./open-gpu.ts";
export { dims } from "./dims.ts";
export type { Profile } from "./profiler.ts";
export type { Scope } from "./scope.ts";
export { type GradientSink, record, type Tape, type TapeNode } from "./tape.ts";
export { type KernelTarget, type Team, teamFeatures, teamOf, teamReductions } from "./target.ts";
export { Tensor } from "./tensor.ts";
export { type AdamwMoments, type AdamwOptions, adamwStep, createMoments } from "./adamw.ts";
export { Arena, type ArenaSegment, type ParameterSpec } from "./arena.ts";
export { checkpoint } from "./checkpoint.ts";
export { gradientNorm } from "./gradient-norm.ts";
export { createRowGroups, groupedMatmul, type RowGroups } from "./grouped-matmul.ts";
export { type MatmulOptions, matmul } from "./matmul.ts";
