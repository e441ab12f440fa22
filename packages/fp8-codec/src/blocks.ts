import { dequantize } from "./dequantize.ts";
import { type QuantizedArray, type QuantizeOptions, quantize } from "./quantize.ts";
import type { MatrixShape } from "./tiling.ts";

/**
 * A weight [rows, columns] as released checkpoints hold it: e4m3fn codes with one scale a block of 128 x 128, which is
 * their `weight_scale_inv` [ceil(rows / 128), ceil(columns / 128)]. As `quantize` in every other respect.
 * @throws as `quantize`.
 */
export function quantizeBlocks(
  x: Float32Array,
  shape: MatrixShape,
  options: Omit<QuantizeOptions<"e4m3fn">, "tiling" | "format"> = {},
): QuantizedArray<"e4m3fn"> {
  return quantize(x, shape, { ...options, tiling: "block", format: "e4m3fn" });
}

/**
 * Values [rows, columns] of a released checkpoint's weight: e4m3fn codes and `weight_scale_inv`, whose name tells what
 * one divides by to quantise; values are code times scale.
 * @throws ShapeError when codes or scales are not as many as the shape says.
 */
export function dequantizeBlocks(codes: Uint8Array, scales: Float32Array, [rows, columns]: MatrixShape): Float32Array {
  return dequantize({ format: "e4m3fn", tiling: "block", rows, columns, codes, scales });
}
