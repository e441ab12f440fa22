import { ConfigError, DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import type { CodeFormat } from "@ds3/fp8-codec";
import type { Gpu, RowGroups, Tensor } from "@ds3/tensor";
import { CODE_LAYOUTS } from "./codes.wgsl.ts";
import { type QuantizedMatrix, TILE, type Tiling } from "./quantized-matrix.ts";

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

/** Refuses groups without column tiles, or over another number of rows. */
export function checkGroups(op: string, tiling: Tiling, rows: number, groups: RowGroups | undefined): void {
  if (!groups) return;
  if (tiling !== "column") {
    const expected = "column tiles: tiles of rows and blocks reach into no other group";
    throw new ConfigError({ op, operand: "groups", expected, actual: `${tiling} tiles` });
  }
  if (groups.R !== rows) {
    throw new ShapeError({ op, operand: "groups", expected: `groups of ${rows} rows`, actual: `${groups.R} rows` });
  }
}
