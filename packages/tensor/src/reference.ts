export { argmaxRowsRef } from "./argmax-rows.ref.ts";
export { addScaledRef, mulRef, scaleRef } from "./arithmetic.ref.ts";
export { roundToBf16Ref, roundToF16Ref } from "./cast.ref.ts";
export { concatColumnsRef, splitColumnsRef } from "./columns.ref.ts";
export {
  type CrossEntropyRefOptions,
  crossEntropyBackwardRef,
  crossEntropyRef,
  IGNORED_LABEL,
} from "./cross-entropy.ref.ts";
export { embeddingBackwardRef, embeddingRef } from "./embedding.ref.ts";
export {
  type LinearCrossEntropyRefOptions,
  linearCrossEntropyBackwardRef,
  linearCrossEntropyRef,
} from "./linear-cross-entropy.ref.ts";
export { linearBackwardRef, linearRef, type MatmulRefShape, matmulBackwardRef, matmulRef } from "./matmul.ref.ts";
export { rmsNormBackwardRef, rmsNormRef } from "./rms-norm.ref.ts";
export { type RotaryRefAngles, type RotaryRefShape, rotaryRef } from "./rotary.ref.ts";
export { type MlpRefWeights, mlpBackwardRef, mlpRef, swigluBackwardRef, swigluRef } from "./swiglu.ref.ts";
