import type { ScaleRounding } from "@ds3/fp8-codec";
import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";
import { UE8M0_ENCODE } from "./ue8m0.wgsl.ts";

/** Compile-time choices. */
export interface PackTilesParams {
  readonly scales: ScaleRounding;
  /** Invocations per workgroup. */
  readonly lanes: number;
}

/**
 * buffer [rows, codeWords + scaleWords] = codes [rows, codeWords], then the row's scales [rows, tiles]: f32, or UE8M0 bytes,
 * four a word, of powers of two. A workgroup takes one row.
 */
export const packTilesWgsl: (params: PackTilesParams) => Kernel = cachedTemplate(
  ({ scales: kind, lanes }: PackTilesParams) => {
    const f32 = kind === "f32";
    const byte = (i: number): string => `if (4u * s + ${i}u < u.tiles) {
        word |= ue8m0Byte(scales[row * u.tiles + 4u * s + ${i}u]) << ${8 * i}u;
      }`;
    const scaleWord = f32 ? "word = scales[row * u.tiles + s];" : [0, 1, 2, 3].map(byte).join("\n      ");
    return defineKernel({
      label: `fp8 pack tiles ${f32 ? "f32" : "ue8m0"} lanes=${lanes}`,
      uniforms: { rows: "u32", codeWords: "u32", tiles: "u32" },
      reads: { codes: "u32", scales: "u32" },
      writes: { buffer: "u32" },
      body: `${FLAT_INDEX}${f32 ? "" : UE8M0_ENCODE}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let row = flatGroup(group, groups);
  if (row >= u.rows) { return; }
  let scaleWords = ${f32 ? "u.tiles" : "(u.tiles + 3u) / 4u"};
  let first = row * (u.codeWords + scaleWords);
  for (var w = lane; w < u.codeWords; w += ${lanes}u) { buffer[first + w] = codes[row * u.codeWords + w]; }
  for (var s = lane; s < scaleWords; s += ${lanes}u) {
      var word = 0u;
      ${scaleWord}
      buffer[first + u.codeWords + s] = word;
  }
}`,
    });
  },
);
