import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";

/** Compile-time choices. */
export interface RoundToBf16Params {
  /** Buffers of vec4u, `size` counts vectors. */
  readonly vectors: boolean;
  /** Invocations per workgroup. */
  readonly lanes: number;
}

/**
 * WGSL `fn bf16Bits(bits: u32) -> u32`, or of four: the f32 bits of the nearest bf16, ties to even. NaN keeps a bit of its
 * significand, which the addition could carry away and the mask cut off.
 */
export function bf16Wgsl(type: "u32" | "vec4u"): string {
  return `
fn bf16Bits(bits: ${type}) -> ${type} {
  let nearest = (bits + ${type}(0x7fffu) + ((bits >> ${type}(16u)) & ${type}(1u))) & ${type}(0xffff0000u);
  let quiet = (bits & ${type}(0xffff0000u)) | ${type}(0x400000u);
  return select(nearest, quiet, (bits & ${type}(0x7fffffffu)) > ${type}(0x7f800000u));
}`;
}

/** out [size] = x [size], f32 bits: the nearest bf16, ties to even; NaN stays NaN. A workgroup takes `span` elements. */
export const roundToBf16Wgsl: (params: RoundToBf16Params) => Kernel = cachedTemplate(
  ({ vectors, lanes }: RoundToBf16Params) => {
    const type = vectors ? "vec4u" : "u32";
    return defineKernel({
      label: `round to bf16 ${type} lanes=${lanes}`,
      uniforms: { size: "u32", span: "u32" },
      reads: { x: type },
      writes: { out: type },
      body: `${FLAT_INDEX}
${bf16Wgsl(type)}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let first = min(flatGroup(group, groups) * u.span, u.size);
  let end = min(first + u.span, u.size);
  for (var i = first + lane; i < end; i += ${lanes}u) { out[i] = bf16Bits(x[i]); }
}`,
    });
  },
);
