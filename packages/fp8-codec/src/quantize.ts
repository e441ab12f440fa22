import { OutOfRangeError } from "@ds3/errors";
import { createCodes, encodeInto } from "./encode.ts";
import { type CodeArray, type CodeFormat, formatFacts } from "./formats.ts";
import { checkLength, type MatrixShape, scalesShape, type Tiling, tileIndex } from "./tiling.ts";
import { roundUpToPowerOfTwo } from "./ue8m0.ts";
import { unknownName } from "./unknown-name.ts";

/** What a tile's scale is rounded to: f32, or up to a power of two, by which dividing is exact. */
export type ScaleRounding = "f32" | "powerOfTwo";

/** Options of {@link quantize}. */
export interface QuantizeOptions<F extends CodeFormat = CodeFormat> {
  /** Which elements share a scale. */
  readonly tiling: Tiling;
  /** Default e4m3fn. */
  readonly format?: F;
  /** Default f32. */
  readonly scales?: ScaleRounding;
  /** The least amax a tile is taken to have, rounded to f32: a scale is never zero. Default 1e-4. At least 2^-110. */
  readonly floor?: number;
  /** x / scale as DeepSeek's inference code, or x * f32(1 / scale) as DeepGEMM. Default `divide`. */
  readonly division?: "divide" | "reciprocal";
}

/** A matrix as codes with scales: value = decode(code) * scale. */
export interface QuantizedArray<F extends CodeFormat = CodeFormat> {
  readonly format: F;
  readonly tiling: Tiling;
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns], one code an element. */
  readonly codes: CodeArray<F>;
  /** [rows, ceil(columns / 128)] for rows, [ceil(rows / 128), columns] for columns, both divided for blocks. */
  readonly scales: Float32Array;
}

const F32_INFINITY = 0x7f800000;
const QUIET_NAN = 0x7fc00000;
const SIGN = 0x80000000;
const SMALLEST_NORMAL = 0x00800000;
/** The least floor of amax: floor / 65024 is still a normal f32, and adapters may flush subnormal scales to zero. */
export const LEAST_FLOOR: number = 2 ** -110;

/**
 * Codes and scales of a matrix [rows, columns] of f32, tile by tile (DeepSeek-V3 report, section 3.3.2).
 *
 * A tile's amax is its largest |x|, at least `floor`; scale = f32(amax / max of the format), rounded up to a power of two
 * if asked; code = encode(f32(x / scale)), to nearest even. Every step is one correctly rounded f32 operation, so
 * the result is the same wherever JavaScript runs. Borders have smaller tiles, as if padded with zeros. An all-zero tile has the
 * scale of the floor and codes 0, negative zeros theirs. f32 subnormals become signed zero.
 *
 * A tile with NaN or infinity has the scale NaN (0x7fc00000), NaN codes where x was not finite and signed zeros where it
 * was: whatever is computed from it is NaN, and the codes still say which element it was.
 * Accepts: any shape, also empty. Cost: two passes.
 * @throws ShapeError when x does not have rows * columns elements; ConfigError for an unknown name; OutOfRangeError for
 * a floor that is not a number from 2^-110 to f32's largest.
 */
export function quantize<F extends CodeFormat = "e4m3fn">(
  x: Float32Array,
  shape: MatrixShape,
  options: QuantizeOptions<F>,
): QuantizedArray<F> {
  const { tiling, scales: rounding = "f32", floor = 1e-4, division = "divide" } = options;
  const format = options.format ?? ("e4m3fn" as F);
  checkLength("quantize", "x", x.length, shape);
  checkFloor(floor);
  checkName("scales", rounding, ["f32", "powerOfTwo"]);
  checkName("division", division, ["divide", "reciprocal"]);
  const amax = amaxBits(x, shape, tiling);
  const scales = scalesOf(amax, Math.fround(floor), formatFacts(format).max, rounding);
  const [rows, columns] = shape;
  const codes = createCodes(format, rows * columns);
  encodeTiles(x, shape, { tiling, format, division }, amax, scales, codes);
  return { format, tiling, rows, columns, codes, scales };
}

/** Largest |x| of every tile, as bits: they order as the numbers do, NaN above infinity above all. */
function amaxBits(x: Float32Array, shape: MatrixShape, tiling: Tiling): Uint32Array {
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  const { rowShift, columnShift, across } = tileIndex(shape, tiling);
  const [rows, columns] = shape;
  const [down, wide] = scalesShape(shape, tiling);
  const amax = new Uint32Array(down * wide);
  for (let row = 0, i = 0; row < rows; row++) {
    const first = (row >> rowShift) * across;
    for (let column = 0; column < columns; column++, i++) {
      const magnitude = bits[i]! & 0x7fffffff;
      const tile = first + (column >> columnShift);
      if (magnitude > amax[tile]!) amax[tile] = magnitude;
    }
  }
  return amax;
}

function scalesOf(amax: Uint32Array, floor: number, max: number, rounding: ScaleRounding): Float32Array {
  const values = new Float32Array(amax.buffer);
  const plain = new Float32Array(amax.length);
  for (let tile = 0; tile < amax.length; tile++) plain[tile] = Math.max(values[tile]!, floor) / max;
  const scales = rounding === "powerOfTwo" ? roundUpToPowerOfTwo(plain) : plain;
  const bits = new Uint32Array(scales.buffer);
  for (let tile = 0; tile < amax.length; tile++) if (amax[tile]! >= F32_INFINITY) bits[tile] = QUIET_NAN;
  return scales;
}

/** One row at a time: its quotients into a buffer, the buffer's codes behind those of the row before. */
function encodeTiles<F extends CodeFormat>(
  x: Float32Array,
  shape: MatrixShape,
  { tiling, format, division }: Required<Pick<QuantizeOptions<F>, "tiling" | "format" | "division">>,
  amax: Uint32Array,
  scales: Float32Array,
  codes: CodeArray<F>,
): void {
  const facts = formatFacts(format);
  const { rowShift, columnShift, across } = tileIndex(shape, tiling);
  const [rows, columns] = shape;
  const factors = division === "reciprocal" ? scales.map((scale) => 1 / scale) : undefined;
  const bits = new Uint32Array(x.buffer, x.byteOffset, x.length);
  const quotients = new Float32Array(columns);
  const quotientBits = new Uint32Array(quotients.buffer);
  for (let row = 0, i = 0; row < rows; row++) {
    const first = (row >> rowShift) * across;
    for (let column = 0; column < columns; column++, i++) {
      const tile = first + (column >> columnShift);
      const word = bits[i]!;
      const magnitude = word & 0x7fffffff;
      if (amax[tile]! >= F32_INFINITY || magnitude < SMALLEST_NORMAL) {
        quotientBits[column] = (word & SIGN) | (magnitude >= F32_INFINITY ? QUIET_NAN : 0);
      } else {
        quotients[column] = factors === undefined ? x[i]! / scales[tile]! : x[i]! * factors[tile]!;
      }
    }
    encodeInto(quotients, quotientBits, facts, facts.maxCode, codes, row * columns);
  }
}

function checkFloor(floor: number): void {
  if (floor >= LEAST_FLOOR && Number.isFinite(Math.fround(floor))) return;
  const expected = "a number of at least 2^-110 that f32 holds";
  const hint = "Leave it out for 1e-4, or take LEAST_FLOOR.";
  throw new OutOfRangeError({ op: "quantize", operand: "floor", expected, actual: String(floor), hint });
}

function checkName(operand: string, name: string, known: readonly string[]): void {
  if (!known.includes(name)) throw unknownName("quantize", operand, name, known);
}
