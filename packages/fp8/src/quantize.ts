/*
 * Quantisation as in DeepSeek-V3's report, section 3.3: codes with one scale a tile, from the tile's largest magnitude of
 * this very tensor (on-line), so that outliers spoil 128 neighbours and not a whole tensor.
 */
import type { CodeFormat, ScaleRounding, Tiling } from "@ds3/fp8-codec";
import { flatGrid, type Gpu, type RowGroups, type Tensor, teamOf } from "@ds3/tensor";
import {
  checkFloor,
  checkGroups,
  checkNames,
  checkSource,
  emptyMatrix,
  leading,
  tilesOf,
  unitsOf,
} from "./matrix-parts.ts";
import { quantizeBlocksWgsl, quantizeRowsWgsl } from "./quantize.wgsl.ts";
import { encodeColumns } from "./quantize-columns.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";
import type { EncodeParams } from "./tiles.wgsl.ts";

/** Row tiles that a software adapter's workgroup takes: starting one costs about as much as a tile. */
const SOFTWARE_TILES = 8;
/** Workgroups that keep a software adapter's threads busy. */
const SOFTWARE_GROUPS = 8;
/** Lanes that share a block where a workgroup's memory is fast. */
const BLOCK_LANES = 256;

/** What `quantize` is told beside the tensor. */
export interface QuantizeOptions {
  readonly tiling: Tiling;
  /** Default `e4m3fn`. */
  readonly format?: CodeFormat;
  /** f32 (default), or rounded up to powers of two. */
  readonly scales?: ScaleRounding;
  /** Column tiling: tiles begin anew at the first row of each expert. Rows of no expert keep undefined codes. */
  readonly groups?: RowGroups;
  /** The least magnitude that a tile is taken to have; default 1e-4. At least `LEAST_FLOOR`, 2^-110. */
  readonly floor?: number;
}

/**
 * Encodes x in tiles: value = decode(code) * scale, scale = max(amax, floor) / MAX.
 *
 * x f32 [..., C], taken as a matrix of C columns; block tiling of rank 3 [E, O, I] is a batch of E matrices. A scale is
 * correctly rounded; a code is that of x / scale, whose quotient the device rounds (f32 scales: in rare cases the next
 * code). Scales of powers of two make every bit exact. A tile with NaN or infinity has the scale NaN, its codes are NaN
 * where x is not finite and a signed zero elsewhere. f32 subnormals become signed zeros. Not recorded on tapes. Cost: one
 * dispatch; blocks read x twice.
 * @throws ConfigError for an unknown name; DtypeError unless x is f32; ShapeError for a scalar; OutOfRangeError for a
 * floor that is not a number from 2^-110 to f32's largest.
 */
export function quantize(x: Tensor, options: QuantizeOptions): QuantizedMatrix {
  const { tiling, format = "e4m3fn", scales: kind = "f32", floor = 1e-4, groups } = options ?? ({} as typeof options);
  checkNames("quantize", { tiling, format, scales: kind });
  checkSource("quantize", x);
  checkFloor("quantize", floor);
  const columns = x.shape.at(-1)!;
  const batch = tiling === "block" && x.shape.length === 3 ? x.shape[0]! : 1;
  const rows = leading(x.shape) / Math.max(1, batch);
  checkGroups("quantize", tiling, rows, groups);
  const matrix = emptyMatrix(x.gpu, { format, tiling, rows, columns, batch, ...(groups ? { groups } : {}) });
  const how = { kind, floor };
  if (tiling === "row") encodeRows(x, matrix, how);
  else if (tiling === "column") encodeColumns(matrix, { ...how, source: "f32", reads: { x } });
  else encodeBlocks(x, matrix, how);
  return matrix;
}

/** Checked options of an encoding kernel. */
interface Encoding {
  readonly kind: ScaleRounding;
  readonly floor: number;
}

function encodeRows(x: Tensor, { format, rows, columns, codes, scales }: QuantizedMatrix, how: Encoding): void {
  const { gpu } = x;
  const tiles = tilesOf(columns);
  const rowsPerGroup = rowsPerGroupOf(gpu, rows, tiles);
  const kernel = quantizeRowsWgsl({ ...kernelParams(format, columns, how), team: teamOf(gpu.target) });
  const uniforms = { rows, columns, units: unitsOf(format, columns), tiles, rowsPerGroup, floor: how.floor };
  gpu.dispatch(kernel, { x, codes, scales }, uniforms, flatGrid(rows, rowsPerGroup));
}

function encodeBlocks(x: Tensor, { format, rows, columns, batch, ...out }: QuantizedMatrix, how: Encoding): void {
  const { gpu } = x;
  const { codes, scales } = out;
  const team = gpu.target.software ? teamOf(gpu.target) : { size: BLOCK_LANES, subgroup: false };
  const kernel = quantizeBlocksWgsl({ ...kernelParams(format, columns, how), team });
  const tiles = tilesOf(columns);
  const uniforms = { rows, columns, units: unitsOf(format, columns), tiles, floor: how.floor };
  gpu.dispatch(kernel, { x, codes, scales }, uniforms, [tiles, tilesOf(rows), batch]);
}

function kernelParams(format: CodeFormat, columns: number, { kind }: Encoding): EncodeParams {
  return { format, scales: kind, vectors: columns % 4 === 0 };
}

/** Rows of row tiles that a workgroup takes. */
export function rowsPerGroupOf({ target }: Gpu, rows: number, tiles: number): number {
  const wanted = target.software ? Math.floor(SOFTWARE_TILES / Math.max(1, tiles)) : 1;
  return Math.max(1, Math.min(wanted, Math.ceil(rows / SOFTWARE_GROUPS)));
}
