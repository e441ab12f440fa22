import { codeValues } from "./decode.ts";
import type { CodeFormat } from "./formats.ts";
import type { QuantizedArray } from "./quantize.ts";
import { checkLength, type MatrixShape, scalesShape, tileIndex } from "./tiling.ts";

/**
 * Values [rows, columns] of codes with scales: decode(code) * scale, one f32 product.
 * Accepts: what `quantize` gives, and codes and scales from elsewhere in that layout.
 * @throws ShapeError when codes or scales are not as many as the shape says; ConfigError for an unknown format or tiling.
 */
export function dequantize<F extends CodeFormat>(quantized: QuantizedArray<F>): Float32Array {
  const { format, tiling, rows, columns, codes, scales } = quantized;
  const shape: MatrixShape = [rows, columns];
  checkLength("dequantize", "codes", codes.length, shape);
  checkLength("dequantize", "scales", scales.length, scalesShape(shape, tiling));
  const values = codeValues(format);
  const last = values.length - 1;
  const { rowShift, columnShift, across } = tileIndex(shape, tiling);
  const y = new Float32Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++) {
    const first = (row >> rowShift) * across;
    for (let column = 0; column < columns; column++, i++) {
      y[i] = values[codes[i]! & last]! * scales[first + (column >> columnShift)]!;
    }
  }
  return y;
}
