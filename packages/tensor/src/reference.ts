export {
  type CrossEntropyRefOptions,
  crossEntropyBackwardRef,
  crossEntropyRef,
  IGNORED_LABEL,
} from "./cross-entropy.ref.ts";
export { linearBackwardRef, linearRef, type MatmulRefShape, matmulBackwardRef, matmulRef } from "./matmul.ref.ts";
export { rmsNormBackwardRef, rmsNormRef } from "./rms-norm.ref.ts";
export { type MlpRefWeights, mlpBackwardRef, mlpRef, swigluBackwardRef, swigluRef } from "./swiglu.ref.ts";
