import { cachedTemplate, defineKernel, type Kernel, teamFeatures } from "@ds3/tensor";
import { type DecodeHeadParams, decodeHeadUniforms, decodeHeadWgsl } from "./decode-head.wgsl.ts";

/**
 * All heads of one new token a sequence, a team per (head, sequence): what lies between the first and the last product of
 * the layer. down [A, Q or N (nope + R), then C, then R] with Q = qLoraRank, qB [N (nope + R), Q], kvB [N (nope + value),
 * C] -> out [A, N, value]; `step` and `entries` as `decodeHeadWgsl` has them. Every head computes the new token's entry
 * for itself, head 0 also writes it: no head waits for another.
 */
export const decodeHeadsWgsl: (params: DecodeHeadParams) => Kernel = cachedTemplate((params: DecodeHeadParams) => {
  const { team, projected, nope, R, C } = params;
  const { declarations, newEntry, storeEntry, head, teamLabel } = decodeHeadWgsl(params, {
    down: (i) => `down[downRow + ${i}]`,
    latentStart: "queryWidth",
    qNorm: (i) => `qNorm[${i}]`,
    qB: (i) => `qB[${i}]`,
    kvNorm: (i) => `kvNorm[${i}]`,
    kvB: (i) => `kvB[${i}]`,
  });
  return defineKernel({
    label: `decodeHeads${projected ? " projected" : ""} nope=${nope} R=${R} C=${C} ${teamLabel}`,
    uniforms: { N: "u32", ...decodeHeadUniforms },
    reads: {
      down: "vec4f",
      ...(projected ? { qNorm: "vec4f" as const, qB: "vec4f" as const } : {}),
      ...{ kvNorm: "vec4f" as const, kvB: "vec4f" as const, step: "f32" as const },
    },
    writes: { entries: "vec4f", out: "f32" },
    enable: teamFeatures(team),
    body: `
${declarations}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x;
  let a = group.y;
  let queryWidth = ${projected ? "u.Q4" : "u.N * u.query / 4u"};
  let downRow = a * (queryWidth + C4 + R4);
${newEntry}
  if (n == 0u) {${storeEntry}
  }
${head("if (lane == 0u) { out[(a * u.N + n) * u.value + i] = element; }")}
}`,
  });
});
