/*
 * WGSL that the quantising kernels share: loading f32 as bits, the largest magnitude of a tile, its scale, its codes.
 * All on bits: |x| of f32 orders as its bits do, and what is not finite has bits from 0x7f800000 on, so one integer
 * maximum finds both the largest magnitude and whether the tile is finite.
 */
import type { CodeFormat, ScaleRounding } from "@ds3/fp8-codec";
import type { Team } from "@ds3/tensor";
import { CODE_LAYOUTS, codeName, encodeWgsl } from "./codes.wgsl.ts";

/** Compile-time choices of every quantising kernel. */
export interface EncodeParams {
  readonly format: CodeFormat;
  readonly scales: ScaleRounding;
  /** x is bound as vec4u: its columns are a multiple of 4. */
  readonly vectors: boolean;
}

/** The part of a label that names them. */
export function encodeLabel({ format, scales, vectors }: EncodeParams): string {
  return `${format}${scales === "f32" ? "" : " powerOfTwo"} ${vectors ? "vec4u" : "u32"}`;
}

/** The part of a label that names a team. */
export function teamLabel({ size, subgroup }: Team): string {
  return `lanes=${size} ${subgroup ? "subgroup" : "workgroup"}`;
}

/**
 * `fn four(row: u32, quad: u32) -> vec4u`: the bits of x [rows, u.columns] from column 4 quad on, 0 beyond the row's end.
 * Its buffer is `x`, of vec4u with `vectors`.
 */
export function loadWgsl(vectors: boolean): string {
  if (vectors) {
    return `
fn four(row: u32, quad: u32) -> vec4u {
  let quads = u.columns / 4u;
  var v = vec4u();
  if (quad < quads) { v = x[row * quads + quad]; }
  return v;
}`;
  }
  return `
fn one(first: u32, column: u32) -> u32 {
  var v = 0u;
  if (column < u.columns) { v = x[first + column]; }
  return v;
}
fn four(row: u32, quad: u32) -> vec4u {
  let first = row * u.columns;
  let c = 4u * quad;
  return vec4u(one(first, c), one(first, c + 1u), one(first, c + 2u), one(first, c + 3u));
}`;
}

/** `fn largest(v: vec4u) -> u32`: the largest of four magnitudes. */
export const LARGEST: string = `
fn largest(v: vec4u) -> u32 {
  let m = v & vec4u(0x7fffffffu);
  return max(max(m.x, m.y), max(m.z, m.w));
}`;

/**
 * `fn tileScale(amax: u32) -> u32`, bits to bits: max(amax, floor) / MAX, correctly rounded on every device: the largest
 * value of each format is 7 or 127 times a power of two, and integers divide exactly. Or that rounded up to a power of two:
 * the exponent of amax without that of MAX, one more where amax has the larger significand. NaN for a tile that is not
 * finite. The uniform is `floor`.
 */
export function scaleWgsl(format: CodeFormat, scales: ScaleRounding): string {
  const { max } = CODE_LAYOUTS[format];
  const odd = format === "e5m6" ? 127 : 7;
  const shift = Math.log2(odd + 1);
  const exponent = Math.floor(Math.log2(max));
  const significand = (max / 2 ** exponent - 1) * 2 ** 23;
  const powerOfTwo = `return ((a + ${0x7fffff - significand}u) & 0x7f800000u) - ${hex(exponent << 23)};`;
  const exact = `let whole = (a & 0x7fffffu) | 0x800000u;
  let halved = (whole << ${shift}u) / ${odd}u >= 0x1000000u; // the quotient has 24 or 25 bits
  let dividend = whole << select(${shift}u, ${shift - 1}u, halved);
  let quotient = dividend / ${odd}u;
  let rest = dividend - quotient * ${odd}u;
  let rounded = quotient + select(0u, 1u, 2u * rest > ${odd}u);
  return (((a >> 23u) - ${Math.log2(max / odd) + shift}u + select(0u, 1u, halved)) << 23u) + (rounded - 0x800000u);`;
  return `
fn tileScale(amax: u32) -> u32 {
  if (amax >= 0x7f800000u) { return 0x7fc00000u; }
  let a = max(amax, bitcast<u32>(u.floor));
  ${scales === "f32" ? exact : powerOfTwo}
}`;
}

/**
 * `fn encode4(v: vec4u, amax: vec4u, scale: vec4u) -> vec4u`: codes of four elements of tiles with these largest magnitudes
 * and scales (bits); `fn encode1(v: vec4u, amax: u32, scale: u32)` for one tile. f32 subnormals are signed zeros: with small
 * scales an adapter that does not flush them would find codes for them. In a tile that is not finite, NaN for what is not
 * finite and a signed zero for the rest.
 */
export function encodeFourWgsl({ format, scales }: Pick<EncodeParams, "format" | "scales">): string {
  const { significandBits, bias, nanCode } = CODE_LAYOUTS[format];
  // What encodes to the magnitude of NaN, taken as a number.
  const nanBits = (nanCode << (23 - significandBits)) + ((127 - bias) << 23);
  const encode = (i: string): string => `encode${codeName(format)}(bits.${i})`;
  // A quotient by a power of two is exact, so is the product with its inverse.
  const scaled =
    scales === "f32"
      ? "bitcast<vec4f>(x) / bitcast<vec4f>(scale)"
      : "bitcast<vec4f>(x) * bitcast<vec4f>(vec4u(0x7f000000u) - scale)";
  return `${encodeWgsl(format, "none")}
fn encode4(v: vec4u, amax: vec4u, scale: vec4u) -> vec4u {
  let x = select(v & vec4u(0x80000000u), v, (v & vec4u(0x7fffffffu)) >= vec4u(0x00800000u));
  var bits = bitcast<vec4u>(${scaled});
  let bad = amax >= vec4u(0x7f800000u);
  if (any(bad)) {
    let magnitudes = select(vec4u(), vec4u(${hex(nanBits)}), (v & vec4u(0x7fffffffu)) >= vec4u(0x7f800000u));
    bits = select(bits, (v & vec4u(0x80000000u)) | magnitudes, bad);
  }
  return vec4u(${["x", "y", "z", "w"].map(encode).join(", ")});
}
fn encode1(v: vec4u, amax: u32, scale: u32) -> vec4u { return encode4(v, vec4u(amax), vec4u(scale)); }`;
}

/**
 * WGSL statements that write one unit of codes, from vec4u `c0` (e5m6: also `c1`), to word `at` of `codes` on. Codes
 * beyond a row's end are 0.
 */
export function storeUnit(format: CodeFormat, at: string): string {
  if (CODE_LAYOUTS[format].words === 1) {
    return `codes[${at}] = c0.x | (c0.y << 8u) | (c0.z << 16u) | (c0.w << 24u);`;
  }
  return `codes[${at}] = c0.x | (c0.y << 12u) | (c0.z << 24u);
codes[${at} + 1u] = (c0.z >> 8u) | (c0.w << 4u) | (c1.x << 16u) | (c1.y << 28u);
codes[${at} + 2u] = (c1.y >> 4u) | (c1.z << 8u) | (c1.w << 20u);`;
}

/**
 * The codes of a unit as WGSL expressions, four a vector, out of its words `word(0)`, ... Bits above a code may be set: decoding
 * ignores them.
 */
export function unpackUnit(format: CodeFormat, word: (j: number) => string): string[][] {
  if (CODE_LAYOUTS[format].words === 1) {
    return [[word(0), `${word(0)} >> 8u`, `${word(0)} >> 16u`, `${word(0)} >> 24u`]];
  }
  const [a, b, c] = [word(0), word(1), word(2)];
  return [
    [a, `${a} >> 12u`, `(${a} >> 24u) | (${b} << 8u)`, `${b} >> 4u`],
    [`${b} >> 16u`, `(${b} >> 28u) | (${c} << 4u)`, `${c} >> 8u`, `${c} >> 20u`],
  ];
}

/**
 * `fn tileMax(v: u32, lane: u32) -> u32`: the maximum over each stretch of `width` lanes of a team, a power of two. Every
 * lane must call it in uniform control flow.
 */
export function tileMaxWgsl(team: Team, width: number): string {
  if (team.subgroup) {
    const steps = Array.from(
      { length: Math.log2(width) },
      (_, i) => `  x = max(x, subgroupShuffleXor(x, ${1 << i}u));`,
    );
    return `
fn tileMax(v: u32, lane: u32) -> u32 {
  var x = v;
${steps.join("\n")}
  return x;
}`;
  }
  return `
var<workgroup> maxima: array<u32, ${team.size}>;
fn tileMax(v: u32, lane: u32) -> u32 {
  maxima[lane] = v;
  workgroupBarrier();
  for (var half = ${width / 2}u; half > 0u; half /= 2u) {
    if (lane % ${width}u < half) { maxima[lane] = max(maxima[lane], maxima[lane + half]); }
    workgroupBarrier();
  }
  let result = maxima[lane / ${width}u * ${width}u];
  workgroupBarrier();
  return result;
}`;
}

/** A number as a WGSL u32 literal in hexadecimal. */
export function hex(value: number): string {
  return `0x${value.toString(16)}u`;
}
