/*
 * Quantisation from its definition (DeepSeek-V3's report, section 3.3): a table of a format's values, the nearest of them,
 * of two equally near the even code; scales and quotients are rounded to f32, all else is exact.
 */

/** What defines a format: bits of the significand, bias of the exponent, the largest finite value's code, NaN's code. */
const FORMATS = {
  e4m3fn: { significandBits: 3, bias: 7, largest: 0x7e, nan: 0x7f, sign: 0x80, max: 448 },
  e5m2: { significandBits: 2, bias: 15, largest: 0x7b, nan: 0x7f, sign: 0x80, max: 57344 },
  e5m6: { significandBits: 6, bias: 15, largest: 0x7bf, nan: 0x7ff, sign: 0x800, max: 65024 },
} as const;

/** A format's name. */
export type RefFormat = keyof typeof FORMATS;

/** Values of the finite codes without sign, in order; one more, that of the code behind the largest, if it were finite. */
function valuesOf(format: RefFormat): number[] {
  const { significandBits, bias, largest } = FORMATS[format];
  return Array.from({ length: largest + 2 }, (_, code) => {
    const exponent = code >> significandBits;
    const fraction = (code & ((1 << significandBits) - 1)) / 2 ** significandBits;
    return exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
  });
}

const VALUES = { e4m3fn: valuesOf("e4m3fn"), e5m2: valuesOf("e5m2"), e5m6: valuesOf("e5m6") };

/** The value of a code, NaN and infinities included. */
export function decodeRef(code: number, format: RefFormat): number {
  const { sign, largest } = FORMATS[format];
  const magnitude = code % sign;
  const infinite = format !== "e4m3fn" && magnitude === largest + 1;
  const value = magnitude <= largest ? VALUES[format][magnitude]! : infinite ? Number.POSITIVE_INFINITY : Number.NaN;
  return code >= sign ? -value : value;
}

/** The code nearest to an f32; beyond the largest value that one (`saturate`), or NaN or infinity (`nonsaturating`). */
export function encodeRef(x: number, format: RefFormat, overflow: "saturate" | "nonsaturating"): number {
  const { sign, largest, nan } = FORMATS[format];
  const negative = x < 0 || Object.is(x, -0) ? sign : 0;
  if (Number.isNaN(x)) return nan; // the sign of a NaN is not to be seen here
  if (Math.abs(x) < 2 ** -126) return negative;
  const magnitude = nearestCode(Math.abs(x), VALUES[format]);
  const limited = overflow === "saturate" ? Math.min(magnitude, largest) : magnitude;
  return negative + limited;
}

/** Index of the value nearest to x, of two equally near the even one. */
function nearestCode(x: number, values: readonly number[]): number {
  let low = 0;
  let high = values.length - 1;
  if (x >= values[high]!) return high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle;
    else high = middle;
  }
  const [below, above] = [x - values[low]!, values[high]! - x];
  return below < above || (below === above && low % 2 === 0) ? low : high;
}

/** A scale from the largest magnitude of a tile. */
function scaleRef(amax: number, format: RefFormat, powerOfTwo: boolean, floor: number): number {
  const scale = Math.fround(Math.max(amax, Math.fround(floor)) / FORMATS[format].max);
  if (!powerOfTwo) return scale;
  let power = 2 ** -126;
  while (power < scale) power *= 2;
  return power;
}

/** How `quantizeRef` groups elements, and what into. */
export interface QuantizeRefOptions {
  readonly format: RefFormat;
  readonly powerOfTwo: boolean;
  readonly floor: number;
  /** The tile of an element, by row and column. */
  readonly tileOf: (row: number, column: number) => number;
  readonly tiles: number;
}

/** Codes one an element, and scales by tile; tiles that are not finite by the rules of the package. */
export function quantizeRef(
  x: ArrayLike<number>,
  columns: number,
  { format, powerOfTwo, floor, tileOf, tiles }: QuantizeRefOptions,
): { codes: Uint16Array; scales: Float32Array } {
  const { nan, sign } = FORMATS[format];
  const tile = (i: number): number => tileOf(Math.floor(i / columns), i % columns);
  const amax = new Float64Array(tiles);
  for (let i = 0; i < x.length; i++)
    amax[tile(i)] = Math.max(amax[tile(i)]!, Number.isFinite(x[i]) ? Math.abs(x[i]!) : 1 / 0);
  const scales = Float32Array.from(amax, (a) => (a === 1 / 0 ? Number.NaN : scaleRef(a, format, powerOfTwo, floor)));
  const codes = Uint16Array.from({ length: x.length }, (_, i) => {
    const v = x[i]!;
    const scale = scales[tile(i)]!;
    if (!Number.isNaN(scale)) return encodeRef(Math.fround(v / scale), format, "saturate");
    return (Number.isFinite(v) ? 0 : nan) + (v < 0 || Object.is(v, -0) ? sign : 0);
  });
  return { codes, scales };
}
