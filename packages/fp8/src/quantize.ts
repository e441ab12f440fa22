/*
 * Quantisation as in DeepSeek-V3's report, section 3.3: codes with one scale a tile, from the tile's largest magnitude of
 * this very tensor (on-line), so that outliers spoil 128 neighbours and not a whole tensor.
 */
import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import type { CodeFormat } from "@ds3/fp8-codec";
import { flatGrid, type Gpu, type RowGroups, type Tensor, teamOf } from "@ds3/tensor";
import { CODE_LAYOUTS } from "./codes.wgsl.ts";
import { quantizeBlocksWgsl, quantizeRowsWgsl } from "./quantize.wgsl.ts";
import { type QuantizedMatrix, TILE, type Tiling } from "./quantized-matrix.ts";
import type { ScaleKind } from "./tiles.wgsl.ts";

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
  readonly scales?: ScaleKind;
  /** The least magnitude that a tile is taken to have; default 1e-4. Its scale must be a normal f32. */
  readonly floor?: number;
}

/**
 * Encodes x in tiles: value = decode(code) * scale, scale = max(amax, floor) / MAX.
 *
 * x f32 [..., C], taken as a matrix of C columns; block tiling of rank 3 [E, O, I] is a batch of E matrices. A scale is
 * correctly rounded; a code is that of x / scale, whose quotient the device rounds (f32 scales: in rare cases the next
 * code). Scales of powers of two make every bit exact. A tile with NaN or infinity has the scale NaN, its codes are NaN
 * where x is not finite and a signed zero elsewhere. Not recorded on tapes. Cost: one dispatch; blocks read x twice.
 * @throws DtypeError unless x is f32; ShapeError for a scalar; OutOfRangeError for a floor whose scale is no normal f32.
 */
export function quantize(x: Tensor, options: QuantizeOptions): QuantizedMatrix {
  const { tiling, format = "e4m3fn", scales: kind = "f32", floor = 1e-4 } = options;
  const { gpu } = x;
  checkSource("quantize", x);
  checkFloor("quantize", format, floor);
  const columns = x.shape.at(-1)!;
  const batch = tiling === "block" && x.shape.length === 3 ? x.shape[0]! : 1;
  const rows = leading(x.shape) / Math.max(1, batch);
  const matrix = emptyMatrix(gpu, { format, tiling, rows, columns, batch });
  const uniforms = { rows, columns, units: unitsOf(format, columns), tiles: tilesOf(columns), floor };
  const operands = { x, codes: matrix.codes, scales: matrix.scales };
  const params = { format, scales: kind, vectors: columns % 4 === 0 };
  if (tiling === "row") {
    const rowsPerGroup = rowsPerGroupOf(gpu, rows, uniforms.tiles);
    const kernel = quantizeRowsWgsl({ ...params, team: teamOf(gpu.target) });
    gpu.dispatch(kernel, operands, { ...uniforms, rowsPerGroup }, flatGrid(rows, rowsPerGroup));
  } else {
    const team = gpu.target.software ? teamOf(gpu.target) : { size: BLOCK_LANES, subgroup: false };
    gpu.dispatch(quantizeBlocksWgsl({ ...params, team }), operands, uniforms, [uniforms.tiles, tilesOf(rows), batch]);
  }
  return matrix;
}

/** What distinguishes quantised matrices beside their two tensors. */
export type MatrixParts = Omit<QuantizedMatrix, "codes" | "scales">;

/** A matrix whose codes and scales a kernel is about to write. */
export function emptyMatrix(gpu: Gpu, parts: MatrixParts): QuantizedMatrix {
  const { format, rows, columns, batch } = parts;
  const words = unitsOf(format, columns) * CODE_LAYOUTS[format].words;
  return {
    ...parts,
    codes: gpu.empty([batch * rows, words], "u32", `${format} codes`),
    scales: gpu.empty(scaleShape(parts), "f32", `${format} scales`),
  };
}

/** The shape of a matrix's scales. */
export function scaleShape({ tiling, rows, columns, batch, groups }: MatrixParts): number[] {
  if (tiling === "row") return [batch * rows, tilesOf(columns)];
  if (tiling === "block") return [batch, tilesOf(rows), tilesOf(columns)];
  return [groups ? groupedTileRows(rows, groups) : batch * tilesOf(rows), columns];
}

/** Rows of scales that column tiles of groups take: floor(rows / 128) + E is room for every division into groups. */
export function groupedTileRows(rows: number, { E }: RowGroups): number {
  return Math.floor(rows / TILE) + E;
}

/** Tiles along `n` elements. */
export function tilesOf(n: number): number {
  return Math.ceil(n / TILE);
}

/** Units of a row: 4 codes in a word, e5m6 8 codes in 3 words. */
export function unitsOf(format: CodeFormat, columns: number): number {
  return Math.ceil(columns / CODE_LAYOUTS[format].codes);
}

/** The product of all axes but the last. */
export function leading(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((product, n) => product * n, 1);
}

/** Rows of row tiles that a workgroup takes. */
export function rowsPerGroupOf({ target }: Gpu, rows: number, tiles: number): number {
  const wanted = target.software ? Math.floor(SOFTWARE_TILES / Math.max(1, tiles)) : 1;
  return Math.max(1, Math.min(wanted, Math.ceil(rows / SOFTWARE_GROUPS)));
}

/** Refuses what is no f32 matrix. */
export function checkSource(op: string, x: Tensor): void {
  if (x.dtype !== "f32") throw new DtypeError({ op, operand: "x", expected: "f32", actual: `${x}` });
  if (x.shape.length === 0) {
    throw new ShapeError({ op, operand: "x", expected: "at least one axis", actual: `${x}` });
  }
}

/** The smallest normal f32. */
const SMALLEST = 2 ** -126;

/** Refuses a floor whose scale adapters may flush to zero. */
export function checkFloor(op: string, format: CodeFormat, floor: number): void {
  const { max } = CODE_LAYOUTS[format];
  if (Math.fround(floor) / max >= SMALLEST && Number.isFinite(Math.fround(floor))) return;
  const expected = `at least ${SMALLEST * max}, so that floor / ${max} is a normal f32`;
  throw new OutOfRangeError({ op, operand: "floor", expected, actual: `${floor}` });
}
