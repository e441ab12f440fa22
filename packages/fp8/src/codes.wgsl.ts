/*
 * WGSL of the codecs: codes to f32 and back, on integer bits, since adapters flush f32 subnormals, may assume that there
 * is no NaN, and need not round as IEEE says. A code is sign, exponent, significand in the lowest bits of a u32:
 * 8 bits (e4m3fn, e5m2) or 12 (e5m6).
 */
import { type CodeFormat, type FormatFacts, formatFacts } from "@ds3/fp8-codec";

/** The constants of a format, and how its codes lie in words. */
export interface CodeLayout extends FormatFacts {
  /** Codes that fill `words` words without a gap. */
  readonly codes: number;
  readonly words: number;
}

/** The layout of each format. */
export const CODE_LAYOUTS: Readonly<Record<CodeFormat, CodeLayout>> = {
  e4m3fn: { ...formatFacts("e4m3fn"), codes: 4, words: 1 },
  e5m2: { ...formatFacts("e5m2"), codes: 4, words: 1 },
  e5m6: { ...formatFacts("e5m6"), codes: 8, words: 3 },
};

/** The end of a format's function names: `E4m3fn`. */
export function codeName(format: CodeFormat): string {
  return `E${format.slice(1)}`;
}

/** Options of `decodeWgsl`. */
export interface DecodeWgslOptions {
  /**
   * NaN and infinity decode to some finite number instead: for tiles, whose scale is NaN as soon as one element is not
   * finite.
   */
  readonly finite?: boolean;
}

/**
 * WGSL `fn decode<Format>(code: u32) -> f32`, e.g. `decodeE4m3fn`: the exact value of a code, subnormals included. Bits
 * above the code are ignored. NaN is the quiet NaN with the code's sign.
 */
export function decodeWgsl(format: CodeFormat, { finite = false }: DecodeWgslOptions = {}): string {
  const { significandBits, bias, signBit: sign, maxCode: largest } = CODE_LAYOUTS[format];
  const shift = 23 - significandBits;
  const offset = (127 - bias) << 23;
  const infinite = format !== "e4m3fn";
  const nan = finite ? "value" : `select(value, 0x7fc00000u, magnitude > ${hex(infinite ? largest + 1 : largest)})`;
  const special = infinite && !finite ? `select(${nan}, 0x7f800000u, magnitude == ${hex(largest + 1)})` : nan;
  return `
fn decode${codeName(format)}(code: u32) -> f32 {
  let magnitude = code & ${hex(sign - 1)};
  let normal = bitcast<f32>((magnitude << ${shift}u) + ${hex(offset)});
  let subnormal = f32(i32(magnitude)) * ${decimal(1 - bias - significandBits)};
  let value = bitcast<u32>(select(normal, subnormal, i32(magnitude) < ${1 << significandBits}));
  return bitcast<f32>(((code & ${hex(sign)}) << ${31 - Math.log2(sign)}u) | ${special});
}`;
}

/**
 * What becomes of numbers beyond the largest finite one. `saturate`: it, infinity too. `overflow`: what the format has
 * next, NaN or infinity. `none`: there are no such numbers and no NaN, nothing is tested.
 */
export type EncodeOverflow = "saturate" | "overflow" | "none";

/**
 * WGSL `fn encode<Format>(bits: u32) -> u32`, e.g. `encodeE4m3fn`: the code nearest to an f32 given as its bits, ties to
 * even. f32 subnormals become a signed zero, NaN keeps its sign.
 */
export function encodeWgsl(format: CodeFormat, overflow: EncodeOverflow = "saturate"): string {
  const { significandBits, bias, signBit: sign, maxCode: largest, nanCode: nan } = CODE_LAYOUTS[format];
  const shift = 23 - significandBits;
  const offset = (127 - bias) << 23;
  const limit = overflow === "saturate" ? largest : largest + 1;
  const bounded = `select(min(code, ${hex(limit)}), ${hex(nan)}, magnitude > 0x7f800000u)`;
  return `
fn encode${codeName(format)}(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  let normal = (magnitude - ${hex(offset)} + ${hex((1 << (shift - 1)) - 1)} + ((magnitude >> ${shift}u) & 1u)) >> ${shift}u;
  // Below the smallest normal number: the significand in units of the smallest subnormal; 25 leaves nothing of it.
  let significand = (magnitude & 0x7fffffu) | 0x800000u;
  let drop = min(${151 - bias - significandBits}u - (magnitude >> 23u), 25u);
  let subnormal = (significand + (1u << (drop - 1u)) - 1u + ((significand >> drop) & 1u)) >> drop;
  let code = select(normal, subnormal, magnitude < ${hex(offset + (1 << 23))});
  return ((bits >> ${31 - Math.log2(sign)}u) & ${hex(sign)}) | ${overflow === "none" ? "code" : bounded};
}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}u`;
}

/** 2^exponent as a WGSL literal, exactly. */
function decimal(exponent: number): string {
  return `${2 ** exponent}`;
}
