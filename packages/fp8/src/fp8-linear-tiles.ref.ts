import { decodeRef, quantizeRef } from "./quantize.ref.ts";

/** How {@link roundTilesRef} rounds. */
export interface TileRoundingRef {
  /** Default "e4m3fn". */
  readonly format?: "e4m3fn" | "e5m6";
  /** Scales rounded up to powers of two. */
  readonly powerOfTwo?: boolean;
  /** Least amax that a scale is made of; default 1e-4. */
  readonly floor?: number;
}

/** Which elements of a matrix share a scale. */
export interface TilesRef {
  readonly tiles: number;
  readonly tileOf: (row: number, column: number) => number;
}

/** One tile for all. */
export const wholeRef: TilesRef = { tiles: 1, tileOf: () => 0 };

/** Tiles of 1 x 128. */
export function rowTilesRef(rows: number, columns: number): TilesRef {
  const across = Math.ceil(columns / 128);
  return { tiles: rows * across, tileOf: (row, column) => row * across + Math.floor(column / 128) };
}

/** Tiles of 128 x 128 of each of `batch` matrices of `rows` rows behind each other. */
export function blockTilesRef(batch: number, rows: number, columns: number): TilesRef {
  const [down, across] = [Math.ceil(rows / 128), Math.ceil(columns / 128)];
  const blockRow = (row: number): number => Math.floor(row / rows) * down + Math.floor((row % rows) / 128);
  return {
    tiles: batch * down * across,
    tileOf: (row, column) => blockRow(row) * across + Math.floor(column / 128),
  };
}

/** Tiles of 128 x 1, which begin anew at each offset. Rows behind the last offset are one tile of their own. */
export function columnTilesRef(offsets: readonly number[], columns: number): TilesRef {
  const groups = offsets.length - 1;
  const down = Math.ceil(offsets[groups]! / 128);
  const rest = groups * down * columns;
  return {
    tiles: rest + 1,
    tileOf: (row, column) => {
      const e = offsets.findLastIndex((offset) => offset <= row);
      return e === groups ? rest : (e * down + Math.floor((row - offsets[e]!) / 128)) * columns + column;
    },
  };
}

/** What FP8 leaves of a matrix of f32 values: quantised by definition, then f32(decode(code) scale). */
export function roundTilesRef(
  x: Float64Array,
  columns: number,
  { tiles, tileOf }: TilesRef,
  { format = "e4m3fn", powerOfTwo = false, floor = 1e-4 }: TileRoundingRef = {},
): Float64Array {
  const { codes, scales } = quantizeRef(x, columns, { format, powerOfTwo, floor, tiles, tileOf });
  const scaleOf = (i: number): number => scales[tileOf(Math.floor(i / columns), i % columns)]!;
  return x.map((_, i) => Math.fround(decodeRef(codes[i]!, format) * scaleOf(i)));
}
