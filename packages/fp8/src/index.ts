export {
  type CodeFormat,
  LEAST_FLOOR,
  type OverflowPolicy,
  type ScaleRounding,
  TILE,
  type Tiling,
} from "@ds3/fp8-codec";
export { dequantize } from "./dequantize.ts";
export { decodeTensor, type EncodeTensorOptions, encodeTensor } from "./encode-tensor.ts";
export { type Fp8Linears, type Fp8Options, type Fp8Site, fp8Linears } from "./fp8-linears.ts";
export { fp8GroupedMatmulInto, fp8Matmul, fp8MatmulInto } from "./matmul.ts";
export type { Fp8Layout } from "./matmul-operands.ts";
export type { Fp8MatmulIntoOptions, Fp8MatmulOptions } from "./matmul-run.ts";
export { type PackedFormat, type PackTilesOptions, packedWords, packTiles, unpackTiles } from "./pack-tiles.ts";
export { type QuantizeOptions, quantize } from "./quantize.ts";
export type { QuantizedMatrix } from "./quantized-matrix.ts";
export { type RequantizeOptions, requantize } from "./requantize.ts";
export { roundToBf16 } from "./round-to-bf16.ts";
export { decodeUe8m0, encodeUe8m0 } from "./ue8m0.ts";
