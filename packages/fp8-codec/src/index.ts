export { dequantizeBlocks, quantizeBlocks } from "./blocks.ts";
export { decodeE5m6, decodeFp8 } from "./decode.ts";
export { dequantize } from "./dequantize.ts";
export { type EncodeOptions, encodeE5m6, encodeFp8, type OverflowPolicy } from "./encode.ts";
export { type CodeArray, type CodeFormat, type FormatFacts, type Fp8Format, formatFacts } from "./formats.ts";
export { type LimitedProductOptions, limitedProduct, type ProductShape } from "./limited-product.ts";
export { LEAST_FLOOR, type QuantizedArray, type QuantizeOptions, quantize, type ScaleRounding } from "./quantize.ts";
export { type MatrixShape, scalesShape, TILE, type Tiling } from "./tiling.ts";
export { decodeUe8m0, encodeUe8m0, roundUpToPowerOfTwo } from "./ue8m0.ts";
