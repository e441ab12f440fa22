import { ConfigError, DtypeError, didYouMean, type ErrorDetails, OutOfRangeError, ShapeError } from "@ds3/errors";
import {
  type CodeFormat,
  LEAST_FLOOR,
  type OverflowPolicy,
  type ScaleRounding,
  scalesShape,
  TILE,
  type Tiling,
} from "@ds3/fp8-codec";
import type { Gpu, RowGroups, Tensor } from "@ds3/tensor";
import { CODE_LAYOUTS } from "./codes.wgsl.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** What distinguishes quantised matrices beside their two tensors. */
export type MatrixParts = Omit<QuantizedMatrix, "codes" | "scales">;

/** A matrix whose codes and scales a kernel is about to write. */
export function emptyMatrix(gpu: Gpu, parts: MatrixParts): QuantizedMatrix {
  const { format, rows, columns, batch } = parts;
  return {
    ...parts,
    codes: gpu.empty([batch * rows, rowWords(format, columns)], "u32", `${format} codes`),
    scales: gpu.empty(scaleShape(parts), "f32", `${format} scales`),
  };
}

/** The shape of a matrix's scales. */
export function scaleShape({ tiling, rows, columns, batch, groups }: MatrixParts): number[] {
  if (groups) return [groupedTileRows(rows, groups), columns];
  const [down, across] = scalesShape([rows, columns], tiling);
  return tiling === "block" ? [batch, down, across] : [batch * down, across];
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

/** Words of a row of codes. */
export function rowWords(format: CodeFormat, columns: number): number {
  return unitsOf(format, columns) * CODE_LAYOUTS[format].words;
}

/** The product of all axes but the last. */
export function leading(shape: readonly number[]): number {
  return shape.slice(0, -1).reduce((product, n) => product * n, 1);
}

/** The names that options take, by option. */
interface OptionNames {
  readonly tiling: readonly Tiling[];
  readonly format: readonly CodeFormat[];
  readonly scales: readonly ScaleRounding[];
  readonly overflow: readonly OverflowPolicy[];
  readonly round: readonly ["bf16"];
}

const NAMES: OptionNames = {
  tiling: ["row", "column", "block"],
  format: ["e4m3fn", "e5m2", "e5m6"],
  scales: ["f32", "powerOfTwo"],
  overflow: ["saturate", "nonsaturating", "torch"],
  round: ["bf16"],
};

/** Refuses names that their options do not know, and tells the nearest. */
export function checkNames(op: string, names: Readonly<Partial<Record<keyof OptionNames, unknown>>>): void {
  for (const [operand, name] of Object.entries(names)) {
    const known: readonly unknown[] = NAMES[operand as keyof OptionNames];
    if (!known.includes(name)) throw new ConfigError(unknownName(op, operand, name, known as readonly string[]));
  }
}

/** What an error says of a name that is none of the known. */
export function unknownName(op: string, operand: string, name: unknown, known: readonly string[]): ErrorDetails {
  const actual = String(name);
  return { op, operand, expected: known.join(", "), actual, hint: didYouMean(actual, known) };
}

/** Refuses what is no f32 matrix. */
export function checkSource(op: string, x: Tensor): void {
  checkF32(op, "x", x);
  if (x.shape.length > 0) return;
  const hint = "Tiles lie along the last axis: reshape a scalar to [1].";
  throw new ShapeError({ op, operand: "x", expected: "at least one axis", actual: `${x}`, hint });
}

/** Refuses another dtype than f32. */
export function checkF32(op: string, operand: string, tensor: Tensor): void {
  if (tensor.dtype === "f32") return;
  const hint = 'Halves become f32 by cast(x, "f32").';
  throw new DtypeError({ op, operand, expected: "f32", actual: `${tensor}`, hint });
}

/** Refuses what is not u32 with rows of `words` words. */
export function checkWords(op: string, operand: string, tensor: Tensor, words: number, meaning: string): void {
  if (tensor.dtype !== "u32") {
    const hint = "Codes are words of bits; f32 values need no decoding.";
    throw new DtypeError({ op, operand, expected: "u32", actual: `${tensor}`, hint });
  }
  if (tensor.shape.at(-1) === words) return;
  const expected = `[..., ${words}], the words ${meaning}`;
  const hint = "Give the columns and the format that it was made with.";
  throw new ShapeError({ op, operand, expected, actual: `${tensor}`, hint });
}

/** Refuses a floor whose scale adapters may flush to zero. */
export function checkFloor(op: string, floor: number): void {
  if (floor >= LEAST_FLOOR && Number.isFinite(Math.fround(floor))) return;
  const expected = "a number of at least 2^-110 that f32 holds";
  const hint = "Leave it out for 1e-4, or take LEAST_FLOOR.";
  throw new OutOfRangeError({ op, operand: "floor", expected, actual: String(floor), hint });
}

/** Refuses groups without column tiles, or over another number of rows. */
export function checkGroups(op: string, tiling: Tiling, rows: number, groups: RowGroups | undefined): void {
  if (!groups) return;
  if (tiling !== "column") {
    const expected = "column tiles: tiles of rows and blocks reach into no other group";
    const hint = "Leave groups out: they change nothing here.";
    throw new ConfigError({ op, operand: "groups", expected, actual: `${tiling} tiles`, hint });
  }
  if (groups.R !== rows) {
    const hint = "Make them by createRowGroups(offsets, rows) with the rows of this matrix.";
    const expected = `groups of ${rows} rows`;
    throw new ShapeError({ op, operand: "groups", expected, actual: `${groups.R} rows`, hint });
  }
}
