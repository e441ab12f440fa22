export { dequantize } from "./dequantize.ts";
export { type Fp8Options, fp8Linears, type Linears } from "./fp8-linears.ts";
export { fp8GroupedMatmulInto, fp8Matmul, fp8MatmulInto } from "./matmul.ts";
export type { Fp8Layout } from "./matmul-operands.ts";
export type { Fp8MatmulIntoOptions, Fp8MatmulOptions } from "./matmul-run.ts";
export { type QuantizeOptions, quantize } from "./quantize.ts";
export { type QuantizedMatrix, TILE, type Tiling } from "./quantized-matrix.ts";
export { type RequantizeOptions, requantize } from "./requantize.ts";
