import type { HalfDtype } from "./dtype.ts";
import { defineKernel, type Kernel } from "./kernel.ts";
import { eachIndex, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/**
 * Rows of C halves are ceil(C / 2) words, the even column in the lower half; an odd row's last upper half is 0. One
 * invocation writes whole words. All on bits: float comparisons do not see NaN on every adapter, and WGSL's own
 * conversions may flush subnormals and leave the rounding open.
 * All kernels take rows in `chunks` chunks of `span` words, so that few long rows still fill the adapter.
 */
const chunkUniforms = { ...rowUniforms, C: "u32", span: "u32", chunks: "u32" } as const;

const CHUNK = `let words = (u.C + 1u) / 2u;
let first = row % u.chunks * u.span;
let end = min(first + u.span, words);
let narrow = row / u.chunks * words;
let wide = row / u.chunks * u.C;`;

/** WGSL `toF32(half)` and `toHalf(bits)`: the f32 bits of a half, and the half nearest to an f32, ties to even. */
const CONVERSIONS: Readonly<Record<HalfDtype, { readonly toF32: string; readonly toHalf: string }>> = {
  bf16: {
    toF32: "fn toF32(half: u32) -> u32 { return half << 16u; }",
    toHalf: `
fn toHalf(bits: u32) -> u32 {
  let nearest = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
  let quiet = (bits >> 16u) | 0x40u; // a NaN whose payload is all in the lower half must not become infinity
  return select(nearest, quiet, (bits & 0x7fffffffu) > 0x7f800000u);
}`,
  },
  f16: {
    toF32: `
fn toF32(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) { return sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13u); }
  if (magnitude >= 0x400u) { return sign | ((magnitude << 13u) + (112u << 23u)); }
  if (magnitude == 0u) { return sign; }
  let top = firstLeadingBit(magnitude); // magnitude x 2^-24 is 2^(top - 24) x 1.fraction
  return sign | ((top + 103u) << 23u) | ((magnitude << (23u - top)) & 0x7fffffu);
}`,
    toHalf: `
fn toHalf(bits: u32) -> u32 {
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u | ((magnitude >> 13u) & 0x3ffu); }
  if (magnitude >= 0x47800000u) { return sign | 0x7c00u; }
  if (magnitude >= 0x38800000u) {
    return sign | ((magnitude - (112u << 23u) + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
  }
  let shift = 126u - (magnitude >> 23u); // of the significand to units of 2^-24
  if (shift > 24u) { return sign; }
  let significand = (magnitude & 0x7fffffu) | 0x800000u;
  let below = significand >> shift;
  let rest = significand & ((1u << shift) - 1u);
  let tie = 1u << (shift - 1u);
  return sign | (below + select(0u, 1u, rest > tie || (rest == tie && (below & 1u) == 1u)));
}`,
  },
};

/** Parameters of `toHalfWgsl`. */
export interface ToHalfParams extends MapParams {
  readonly dtype: HalfDtype;
  /** Multiplies by the uniform `scale` before rounding; without, NaN payloads and f32 subnormals stay exact. */
  readonly scaled?: boolean;
}

/** out [rows, ceil(C / 2)] words of two halves each = x [rows, C], f32; to nearest, ties to even, NaN stays NaN. */
export function toHalfWgsl({ dtype, scaled = false, ...params }: ToHalfParams): Kernel {
  return defineKernel({
    label: `cast ${dtype}${scaled ? " scaled" : ""} ${mapLabel(params)}`,
    uniforms: scaled ? { ...chunkUniforms, scale: "f32" } : chunkUniforms,
    reads: { x: "u32" },
    writes: { out: "u32" },
    body: `${CONVERSIONS[dtype].toHalf}
fn element(i: u32) -> u32 { return toHalf(${scaled ? "bitcast<u32>(u.scale * bitcast<f32>(x[i]))" : "x[i]"}); }
${rowMain(
  params.lanes,
  `${CHUNK}
${eachIndex(
  params.lanes,
  "first",
  "end",
  (w) => `
    let low = wide + 2u * ${w};
    let hasHigh = 2u * ${w} + 1u < u.C;
    let high = select(0u, element(select(low, low + 1u, hasHigh)), hasHigh);
    out[narrow + ${w}] = element(low) | (high << 16u);
  `,
)}`,
)}`,
  });
}

/** out [rows, C], f32 bits = x [rows, ceil(C / 2)] words of two halves each, exactly. */
export function fromHalfWgsl({ dtype, ...params }: MapParams & { readonly dtype: HalfDtype }): Kernel {
  return defineKernel({
    label: `cast f32 from ${dtype} ${mapLabel(params)}`,
    uniforms: chunkUniforms,
    reads: { x: "u32" },
    writes: { out: "u32" },
    body: `${CONVERSIONS[dtype].toF32}
${rowMain(
  params.lanes,
  `${CHUNK}
${eachIndex(
  params.lanes,
  "first",
  "end",
  (w) => `
    let word = x[narrow + ${w}];
    out[wide + 2u * ${w}] = toF32(word & 0xffffu);
    if (2u * ${w} + 1u < u.C) { out[wide + 2u * ${w} + 1u] = toF32(word >> 16u); }
  `,
)}`,
)}`,
  });
}
