import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";
import { element, type RowParams } from "./combine.wgsl.ts";

/** rows[position[t, k]] = tokens[t]. One team per token: it reads the token once. */
export const copyRowsWgsl: (params: RowParams) => Kernel = cachedTemplate(({ team, vectors, K }: RowParams) =>
  defineKernel({
    label: `moe copy rows K=${K} ${element(vectors)} lanes=${team.size}`,
    uniforms: { T: "u32", K: "u32", D: "u32" },
    reads: { tokens: element(vectors), position: "u32" },
    writes: { rows: element(vectors) },
    body: `
${FLAT_INDEX}
var<private> first: array<u32, ${K}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var k = 0u; k < u.K; k++) { first[k] = position[t * u.K + k] * u.D; }
  for (var d = lane; d < u.D; d += ${team.size}u) {
    let value = tokens[t * u.D + d];
    for (var k = 0u; k < u.K; k++) { rows[first[k] + d] = value; }
  }
}`,
  }),
);
