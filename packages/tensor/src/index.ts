import "./symbols.ts";

// The device, its memory, tensors.

export type { AdapterSummary } from "./device-state.ts";
export type { Dtype, HalfDtype } from "./dtype.ts";
export type { Gpu, GpuStats } from "./gpu.ts";
export { type FlashKernel, type KernelRequest, kernelClass } from "./kernel-request.ts";
export {
  DEFAULT_KERNELS_VERSION,
  KERNEL_TABLE_VERSION,
  type KernelTable,
  kernelTableFingerprint,
  parseKernelTable,
  serializeKernelTable,
} from "./kernel-table.ts";
export type { MatmulRequest } from "./matmul-variants.ts";
export { measurePeak } from "./measure-peak.ts";
export { type OpenGpuOptions, openGpu } from "./open-gpu.ts";
export type { Peak, Profile, Work } from "./profiler.ts";
export type { Scope } from "./scope.ts";
export { Tensor } from "./tensor.ts";
export {
  kernelTableFrom,
  type MeasuredVariant,
  type TunedClass,
  type TuneOptions,
  tuneKernels,
} from "./tune-kernels.ts";

// Ops.

export { argmaxRows } from "./argmax-rows.ts";
export { add, addScaled, mul, scale } from "./arithmetic.ts";
export { cast } from "./cast.ts";
export { concatColumns, splitColumns } from "./columns.ts";
export { crossEntropy } from "./cross-entropy.ts";
export { embedding } from "./embedding.ts";
export { type FlashAttentionOptions, flashAttention } from "./flash-attention.ts";
export { type FusedMatvecOptions, fusedMatvec, type RowNorm } from "./fused-matvec.ts";
export { gatherRows } from "./gather-rows.ts";
export { createRowGroups, groupedMatmul, type RowGroups } from "./grouped-matmul.ts";
export { type HalfLinearOptions, halfGroupedLinear, halfLinear } from "./half-linear.ts";
export { type IdRange, uploadIds } from "./host-ids.ts";
export { type LinearCrossEntropyOptions, linearCrossEntropy } from "./linear-cross-entropy.ts";
export { type CrossEntropyOptions, totalWeight } from "./loss-rows.ts";
export { type MatmulOptions, matmul } from "./matmul.ts";
export { addRmsNorm, type RmsNormOptions, rmsNorm, type SumAndNorm } from "./rms-norm.ts";
export { type RotaryAngles, type RotaryWindow, rotary } from "./rotary.ts";
export { type SampledRows, type SampleRowsOptions, sampleRows } from "./sample-rows.ts";
export { type NormedColumns, splitRmsNorm } from "./split-rms-norm.ts";
export { swiglu } from "./swiglu.ts";
export { IGNORED_TARGET, type TokenLogProbsOptions, tokenLogProbs } from "./token-log-probs.ts";

// Parameters and training.

export { type AdamwMoments, type AdamwOptions, adamwStep, createMoments } from "./adamw.ts";
export { Arena, type ArenaSegment, type ParameterSpec } from "./arena.ts";
export { checkpoint } from "./checkpoint.ts";
export { gradientNorm } from "./gradient-norm.ts";
export { fillNormal, type RandomStream, randomWords } from "./philox.ts";
export { type GradientSink, record, type Tape, type TapeNode } from "./tape.ts";

// For ops of one's own.

export { dims } from "./dims.ts";
export { dotRowsPerGroup } from "./fused-matvec.ts";
export { type DotRowsWgsl, dotRowsWgsl } from "./fused-matvec.wgsl.ts";
export { FLAT_INDEX, flatGrid } from "./grid.ts";
export { cachedTemplate, defineKernel, type Kernel } from "./kernel.ts";
export { type PackedTensors, packTensors } from "./pack-tensors.ts";
export { type KernelTarget, type Team, teamFeatures, teamOf, teamReductions } from "./target.ts";

// Errors.

export {
  BindingLimitError,
  DeviceLostError,
  FeatureError,
  GpuValidationError,
  KernelTableError,
  NoAdapterError,
  OutOfMemoryError,
  UseAfterFreeError,
} from "./errors.ts";
