import type { CodeFormat, ScaleRounding } from "@ds3/fp8-codec";
import { type Tensor, teamOf } from "@ds3/tensor";
import { rowWords, scaleShape, tilesOf } from "./matrix-parts.ts";
import { columnsPerLane, quantizeColumnsWgsl } from "./quantize-columns.wgsl.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** Lanes along columns, and slices of a tile's rows, of a workgroup on hardware. */
const HARDWARE_SHAPE = { lanes: 16, slices: 8 } as const;

/** What column tiles are made of, and how. */
export interface ColumnEncoding {
  readonly kind: ScaleRounding;
  readonly floor: number;
  /** What `reads.x` holds: f32, or codes of row tiles whose scales are `reads.xScales`. */
  readonly source: CodeFormat | "f32";
  readonly reads: Readonly<Record<string, Tensor>>;
}

/** Fills an empty matrix of column tiles. Cost: one dispatch, which reads its source twice. */
export function encodeColumns(matrix: QuantizedMatrix, { kind, floor, source, reads }: ColumnEncoding): void {
  const { format, rows, columns, codes, scales, groups } = matrix;
  const { gpu } = codes;
  const shape = gpu.target.software ? { lanes: teamOf(gpu.target).size, slices: 1 } : HARDWARE_SHAPE;
  const params = { source, format, scales: kind, vectors: columns % 4 === 0, grouped: groups !== undefined, ...shape };
  const tileRows = rows === 0 ? 0 : scaleShape(matrix)[0]!;
  gpu.dispatch(
    quantizeColumnsWgsl(params),
    { ...reads, ...(groups ? { offsets: groups.offsets } : {}), codes, scales },
    {
      ...{ rows, columns, words: codes.shape[1]!, floor },
      ...(source === "f32" ? {} : { sourceWords: rowWords(source, columns), tiles: tilesOf(columns) }),
      ...(groups ? { E: groups.E } : {}),
    },
    [Math.ceil(columns / (columnsPerLane(params) * shape.lanes)), tileRows],
  );
}
