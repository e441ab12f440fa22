import { FLAT_INDEX } from "./grid.ts";
import { defineKernel, type Kernel } from "./kernel.ts";

/** sum[i] += source[i]; each invocation takes 4 elements, the last one the rest. */
export function addIntoWgsl(): Kernel {
  return kernel;
}

const kernel: Kernel = defineKernel({
  label: "addInto",
  uniforms: { words: "u32" },
  reads: { source: "f32" },
  writes: { sum: "f32" },
  body: `
${FLAT_INDEX}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (flatGroup(group, groups) * 64u + lane) * 4u;
  for (var i = first; i < min(first + 4u, u.words); i++) { sum[i] += source[i]; }
}`,
});
