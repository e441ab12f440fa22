export {
  type Fp8GatedLinearRefOptions,
  type Fp8LinearRefOptions,
  type Fp8PlainLinearRefOptions,
  fp8GatedLinearRef,
  fp8LinearRef,
} from "./fp8-linear.ref.ts";
export { type Fp8MatrixRef, fp8GroupedMatmulRef, fp8MatmulRef } from "./matmul.ref.ts";
export { decodeRef, encodeRef, type QuantizeRefOptions, quantizeRef, type RefFormat } from "./quantize.ref.ts";
