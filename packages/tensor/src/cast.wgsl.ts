import { defineKernel, type Kernel } from "./kernel.ts";
import { eachIndex, type MapParams, mapLabel, rowMain, rowUniforms } from "./row-kernel.ts";

/**
 * Rows of C bf16 are ceil(C / 2) words, the even column in the lower half; an odd row's last upper half is 0. One
 * invocation writes whole words. All on bits: a float comparison does not see NaN on every adapter.
 * Both kernels take rows in `chunks` chunks of `span` words, so that few long rows still fill the adapter.
 */
const chunkUniforms = { ...rowUniforms, C: "u32", span: "u32", chunks: "u32" } as const;

const CHUNK = `let words = (u.C + 1u) / 2u;
let first = row % u.chunks * u.span;
let end = min(first + u.span, words);
let narrow = row / u.chunks * words;
let wide = row / u.chunks * u.C;`;

/** out [rows, ceil(C / 2)] words of two bf16 each = x [rows, C], f32 bits; to nearest, ties to even, NaN stays NaN. */
export function toBf16Wgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `cast bf16 ${mapLabel(params)}`,
    uniforms: chunkUniforms,
    reads: { x: "u32" },
    writes: { out: "u32" },
    body: `
fn rounded(bits: u32) -> u32 {
  let nearest = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
  let quiet = (bits >> 16u) | 0x40u; // a NaN whose payload is all in the lower half must not become infinity
  return select(nearest, quiet, (bits & 0x7fffffffu) > 0x7f800000u);
}
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
    let high = select(0u, rounded(x[select(low, low + 1u, hasHigh)]), hasHigh);
    out[narrow + ${w}] = rounded(x[low]) | (high << 16u);
  `,
)}`,
)}`,
  });
}

/** out [rows, C], f32 bits = x [rows, ceil(C / 2)] words of two bf16 each: the bits are the upper half of the f32. */
export function fromBf16Wgsl(params: MapParams): Kernel {
  return defineKernel({
    label: `cast f32 ${mapLabel(params)}`,
    uniforms: chunkUniforms,
    reads: { x: "u32" },
    writes: { out: "u32" },
    body: rowMain(
      params.lanes,
      `${CHUNK}
${eachIndex(
  params.lanes,
  "first",
  "end",
  (w) => `
    let word = x[narrow + ${w}];
    out[wide + 2u * ${w}] = word << 16u;
    if (2u * ${w} + 1u < u.C) { out[wide + 2u * ${w} + 1u] = word & 0xffff0000u; }
  `,
)}`,
    ),
  });
}
