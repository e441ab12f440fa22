/** How {@link roundTilesRef} rounds. */
export interface TileRefOptions {
  /** Default "e4m3fn". */
  readonly format?: "e4m3fn" | "e5m6";
  /** Scales rounded up to powers of two. */
  readonly powerOfTwo?: boolean;
  /** Least amax that a scale is made of; default 1e-4. */
  readonly floor?: number;
}

/** Elements that share a scale: rows [top, bottom) and columns [left, right) of a matrix. */
export interface TileRef {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** Bits of fraction, exponent of the least normal number, largest number. */
const FORMATS = {
  e4m3fn: { fraction: 3, least: -6, largest: 448 },
  e5m6: { fraction: 6, least: -14, largest: 65024 },
} as const;

/** One tile for all. */
export function wholeRef(rows: number, columns: number): TileRef {
  return { top: 0, bottom: rows, left: 0, right: columns };
}

/** Tiles of 1 x 128. */
export function rowTilesRef(rows: number, columns: number): TileRef[] {
  return span(0, rows, 1).flatMap(([top, bottom]) => across(top, bottom, columns));
}

/** Tiles of 128 x 128 of each of `batch` matrices behind each other, of `rows` rows each. */
export function blockTilesRef(batch: number, rows: number, columns: number): TileRef[] {
  return span(0, batch * rows, rows).flatMap(([from, to]) =>
    span(from, to, 128).flatMap(([top, bottom]) => across(top, bottom, columns)),
  );
}

/** Tiles of 128 x 1, which begin anew at each offset; rows behind the last offset belong to none. */
export function columnTilesRef(offsets: readonly number[], columns: number): TileRef[] {
  return offsets
    .slice(1)
    .flatMap((end, e) => span(offsets[e]!, end, 128))
    .flatMap(([top, bottom]) => span(0, columns, 1).map(([left, right]) => ({ top, bottom, left, right })));
}

/**
 * What FP8 leaves of a matrix of f32 values (DeepSeek-V3 report, section 3.3.2): in each tile
 * scale = f32(max(amax, floor) / largest), code = the nearest number of the format to f32(x / scale), ties to the even
 * one, value = f32(code scale). A tile with NaN or infinity becomes NaN. Elements outside all tiles become 0.
 */
export function roundTilesRef(
  x: Float64Array,
  columns: number,
  tiles: readonly TileRef[],
  { format = "e4m3fn", powerOfTwo = false, floor = 1e-4 }: TileRefOptions = {},
): Float64Array {
  const values = new Float64Array(x.length);
  const { largest } = FORMATS[format];
  for (const tile of tiles) {
    let amax = 0;
    eachOf(tile, columns, (i) => {
      amax = Math.max(amax, Math.abs(x[i]!));
    });
    const exact = Math.fround(Math.max(amax, Math.fround(floor)) / largest);
    const scale = powerOfTwo ? 2 ** Math.ceil(Math.log2(exact)) : exact;
    eachOf(tile, columns, (i) => {
      const code = nearestRef(Math.fround(x[i]! / scale), format);
      values[i] = Number.isFinite(amax) ? Math.fround(code * scale) : Number.NaN;
    });
  }
  return values;
}

function nearestRef(value: number, format: keyof typeof FORMATS): number {
  if (value === 0) return value;
  const { fraction, least, largest } = FORMATS[format];
  const magnitude = Math.abs(value);
  const step = 2 ** (Math.max(least, Math.floor(Math.log2(magnitude))) - fraction);
  const below = Math.floor(magnitude / step);
  const rest = magnitude / step - below;
  const rounded = (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below) * step;
  return Math.sign(value) * Math.min(rounded, largest);
}

function eachOf({ top, bottom, left, right }: TileRef, columns: number, visit: (index: number) => void): void {
  for (let row = top; row < bottom; row++) for (let c = left; c < right; c++) visit(row * columns + c);
}

function across(top: number, bottom: number, columns: number): TileRef[] {
  return span(0, columns, 128).map(([left, right]) => ({ top, bottom, left, right }));
}

/** [from, to) in pieces of `step`, the last one smaller. */
function span(from: number, to: number, step: number): [from: number, to: number][] {
  const pieces: [number, number][] = [];
  for (let at = from; at < to; at += step) pieces.push([at, Math.min(at + step, to)]);
  return pieces;
}
