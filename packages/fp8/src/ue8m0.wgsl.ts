/*
 * Scales as UE8M0 bytes: value 2^(byte - 127), 255 is NaN. All on bits, since byte 0 is a subnormal of f32, which adapters
 * flush.
 */
import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";

/**
 * WGSL `fn ue8m0Byte(bits: u32) -> u32`: the byte of the least power of two that is not below a positive f32: its exponent
 * field, one more if any bit of the significand is set. Byte 0 for what is at most 2^-127; 255 for NaN, for what is above
 * 2^127, and for zero and negative numbers, which UE8M0 does not have.
 */
export const UE8M0_ENCODE: string = `
fn ue8m0Byte(bits: u32) -> u32 {
  let up = (bits + 0x7fffffu) >> 23u; // 255 of infinity
  let isPositive = bits - 1u < 0x7f800000u;
  return select(255u, select(up, 0u, bits <= 0x400000u), isPositive);
}`;

/** WGSL `fn ue8m0Bits(byte: u32) -> u32`: the f32 bits of a byte's power of two, the quiet NaN for 255. */
export const UE8M0_DECODE: string = `
fn ue8m0Bits(byte: u32) -> u32 {
  return select(select(byte << 23u, 0x400000u, byte == 0u), 0x7fc00000u, byte == 255u);
}`;

/** Compile-time choices of both kernels. */
export interface Ue8m0Params {
  /** Invocations per workgroup. */
  readonly lanes: number;
}

/** bytes [rows, words], four a word = scales [rows, columns] as f32 bits. A workgroup takes `span` words. */
export const encodeUe8m0Wgsl: (params: Ue8m0Params) => Kernel = cachedTemplate(({ lanes }: Ue8m0Params) => {
  const byte = (i: number): string =>
    `if (column + ${i}u < u.columns) { word |= ue8m0Byte(scales[first + ${i}u]) << ${8 * i}u; }`;
  return defineKernel({
    label: `ue8m0 encode lanes=${lanes}`,
    uniforms: { size: "u32", columns: "u32", words: "u32", span: "u32" },
    reads: { scales: "u32" },
    writes: { bytes: "u32" },
    body: `${FLAT_INDEX}${UE8M0_ENCODE}
${eachOf(lanes)} {
    let column = 4u * (i % u.words);
    let first = i / u.words * u.columns + column;
    var word = 0u;
    ${[0, 1, 2, 3].map(byte).join("\n    ")}
    bytes[i] = word;
  }
}`,
  });
});

/** scales [rows, columns] as f32 bits = bytes [rows, words], four a word. A workgroup takes `span` scales. */
export const decodeUe8m0Wgsl: (params: Ue8m0Params) => Kernel = cachedTemplate(({ lanes }: Ue8m0Params) =>
  defineKernel({
    label: `ue8m0 decode lanes=${lanes}`,
    uniforms: { size: "u32", columns: "u32", words: "u32", span: "u32" },
    reads: { bytes: "u32" },
    writes: { scales: "u32" },
    body: `${FLAT_INDEX}${UE8M0_DECODE}
${eachOf(lanes)} {
    let column = i % u.columns;
    let word = bytes[i / u.columns * u.words + column / 4u];
    scales[i] = ue8m0Bits((word >> (column % 4u * 8u)) & 255u);
  }
}`,
  }),
);

/** The entry point up to the body of the loop over a workgroup's indices `i`, of `u.size` in all. */
function eachOf(lanes: number): string {
  return `@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let begin = min(flatGroup(group, groups) * u.span, u.size);
  let end = min(begin + u.span, u.size);
  for (var i = begin + lane; i < end; i += ${lanes}u)`;
}
