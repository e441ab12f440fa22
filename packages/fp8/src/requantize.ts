import { ConfigError } from "@ds3/errors";
import { checkFloor, checkGroups, checkNames, emptyMatrix } from "./matrix-parts.ts";
import type { QuantizeOptions } from "./quantize.ts";
import { encodeColumns } from "./quantize-columns.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** What `requantize` is told beside the matrix. */
export interface RequantizeOptions extends QuantizeOptions {
  readonly tiling: "column";
}

/**
 * Row tiles to column tiles, through the values that the codes stand for: what wgrad reads of activations that were cached
 * for forward (DeepSeek-V3's report, section 3.5.1). Without an f32 copy of the values.
 *
 * Options as `quantize` takes them, results as of `quantize(dequantize(matrix), options)`, bit for bit. Not recorded on
 * tapes. Cost: one dispatch, which reads the codes twice.
 * @throws ConfigError for an unknown name, and unless the matrix has row tiles and column tiles are asked for;
 * OutOfRangeError, ShapeError as `quantize`.
 */
export function requantize(matrix: QuantizedMatrix, options: RequantizeOptions): QuantizedMatrix {
  const { tiling, format = "e4m3fn", scales: kind = "f32", floor = 1e-4, groups } = options ?? ({} as typeof options);
  checkNames("requantize", { tiling, format, scales: kind });
  if (matrix.tiling !== "row" || tiling !== "column") {
    throw new ConfigError({
      op: "requantize",
      operand: "tiling",
      expected: "row tiles, and column tiles asked for",
      actual: `${matrix.tiling} tiles, and ${tiling} tiles asked for`,
      hint: "Use quantize(dequantize(matrix), options) for other tilings.",
    });
  }
  const { rows, columns, codes: x, scales: xScales } = matrix;
  checkFloor("requantize", floor);
  checkGroups("requantize", tiling, rows, groups);
  const parts = { format, tiling, rows, columns, batch: 1, ...(groups ? { groups } : {}) };
  const result = emptyMatrix(x.gpu, parts);
  encodeColumns(result, { kind, floor, source: matrix.format, reads: { x, xScales } });
  return result;
}
