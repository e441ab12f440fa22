/*
 * One scale for a whole tensor instead of one for each tile: what training in FP8 did before DeepSeek-V3, for comparison.
 * The matrices have the layouts of their tilings, with equal scales, so that all products take them.
 */
import { quantize as quantizeOnCpu } from "@ds3/fp8-codec";
import { flatGrid, type Tensor, teamOf } from "@ds3/tensor";
import { dequantize, lanesOf } from "./dequantize.ts";
import { emptyMatrix, unitsOf } from "./matrix-parts.ts";
import { type QuantizeOptions, quantize } from "./quantize.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";
import type { RequantizeOptions } from "./requantize.ts";
import { encodeScaledWgsl, spreadLargestWgsl } from "./tensor-scaling.wgsl.ts";

/**
 * As `quantize` with one scale for all of x, in every element of `scales`. A NaN or an infinity makes all of it NaN. With
 * groups, which column tiles alone have, rows of no expert do not count; elsewhere all rows do, so that capacity which no
 * expert uses must not be in x. Not recorded on tapes. Cost: three dispatches.
 *
 * @throws as `quantize`.
 */
export function quantizeWhole(x: Tensor, options: QuantizeOptions): QuantizedMatrix {
  const { tiling, format = "e4m3fn", scales: kind = "f32", groups } = options;
  const { gpu } = x;
  const { groups: _groups, ...how } = options;
  const tiles = quantize(x, { ...how, tiling: "row" });
  const { rows: all, columns } = tiles;
  const batch = tiling === "block" && x.shape.length === 3 ? x.shape[0]! : 1;
  const rows = all / Math.max(1, batch);
  const matrix = emptyMatrix(gpu, { format, tiling, rows, columns, batch, ...(groups ? { groups } : {}) });
  const { codes, scales } = matrix;
  const spread = spreadLargestWgsl({ team: teamOf(gpu.target), grouped: groups !== undefined });
  const sizes = { rows: all, across: tiles.scales.shape[1]!, size: scales.size, ...(groups ? { E: groups.E } : {}) };
  const least = leastScale(options);
  const counted = groups ? { offsets: groups.offsets } : {};
  gpu.dispatch(spread, { tileScales: tiles.scales, ...counted, scales }, { ...sizes, least }, [1]);
  const kernel = encodeScaledWgsl({ format, scales: kind, vectors: columns % 4 === 0, lanes: lanesOf(gpu.target) });
  gpu.dispatch(kernel, { x, scales, codes }, { rows: all, columns, units: unitsOf(format, columns) }, flatGrid(all, 1));
  for (const tensor of [tiles.codes, tiles.scales]) gpu.free(tensor);
  return matrix;
}

/** The scale of zeros. */
function leastScale({ format = "e4m3fn", scales = "f32", floor = 1e-4 }: QuantizeOptions): number {
  const zero = quantizeOnCpu(new Float32Array(1), [1, 1], { tiling: "row", format, scales, floor });
  return zero.scales[0]!;
}

/** As `requantize` with one scale for all of the matrix. @throws as there. */
export function requantizeWhole(matrix: QuantizedMatrix, options: RequantizeOptions): QuantizedMatrix {
  const values = dequantize(matrix);
  const again = quantizeWhole(values, options);
  matrix.codes.gpu.free(values);
  return again;
}
