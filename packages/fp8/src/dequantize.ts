import { flatGrid, type KernelTarget, type Tensor, teamOf } from "@ds3/tensor";
import { type DequantizeParams, dequantizeWgsl } from "./dequantize.wgsl.ts";
import { tilesOf, unitsOf } from "./matrix-parts.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** Units that a workgroup codes or decodes. */
export const UNITS_PER_GROUP = 128;

/**
 * The values of a quantised matrix: decode(code) * scale, one f32 product each. [rows, columns] f32, of a batch
 * [batch, rows, columns]. Not recorded on tapes. Cost: one dispatch.
 */
export function dequantize(matrix: QuantizedMatrix): Tensor {
  const { tiling, rows, columns, batch, codes, scales, groups } = matrix;
  const out = codes.gpu.empty(batch > 1 ? [batch, rows, columns] : [rows, columns], "f32", "dequantize");
  const pitch = tiling === "column" ? columns : tilesOf(columns);
  decodeRows(
    { format: matrix.format, tiling: groups ? "grouped" : tiling },
    { codes, scales, ...(groups ? { offsets: groups.offsets } : {}), out },
    { rows: batch * rows, columns, matrixRows: rows, pitch, ...(groups ? { E: groups.E } : {}) },
  );
  return out;
}

/** Encodes the kernel that decodes codes [rows, words] into `out` [rows, columns]. */
export function decodeRows(
  params: Pick<DequantizeParams, "format" | "tiling">,
  operands: Readonly<Record<string, Tensor>> & { readonly codes: Tensor; readonly out: Tensor },
  uniforms: Readonly<Record<string, number>> & { readonly rows: number; readonly columns: number },
): void {
  const { gpu } = operands.out;
  const { rows, columns } = uniforms;
  const units = unitsOf(params.format, columns);
  const spans = Math.ceil(units / UNITS_PER_GROUP);
  const kernel = dequantizeWgsl({ ...params, vectors: columns % 4 === 0, lanes: lanesOf(gpu.target) });
  const codePitch = operands.codes.shape.at(-1)!;
  gpu.dispatch(
    kernel,
    operands,
    { ...uniforms, units, span: UNITS_PER_GROUP, spans, codePitch },
    flatGrid(rows * spans, 1),
  );
}

/** Invocations per workgroup where none share anything. */
export function lanesOf(target: KernelTarget): number {
  return target.software ? teamOf(target).size : 64;
}
