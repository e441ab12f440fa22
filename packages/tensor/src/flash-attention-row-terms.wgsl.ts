import { defineKernel, type Kernel } from "./kernel.ts";

/**
 * What the backward kernels need of a query beside its row: `rowTerms` [B, N, T, 2] holds `lse` in base 2 (so that a
 * weight is one `exp2`) and delta = dOut . out, which equals the sum over keys of p dP.
 *
 * out and dOut [B, T, N, Dv], lse [B, N, T]. One invocation a row; surplus invocations of the 2-D grid return.
 */
export function flashRowTerms({ workgroupSize }: { readonly workgroupSize: number }): Kernel {
  return defineKernel({
    label: `flashRowTerms workgroup=${workgroupSize}`,
    uniforms: { B: "u32", T: "u32", N: "u32", Dv: "u32" },
    reads: { out: "f32", dOut: "f32", lse: "f32" },
    writes: { rowTerms: "f32" },
    body: `
const LOG2E = 1.4426950408889634;
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) local: vec3u) {
  let row = (group.x + group.y * groups.x) * ${workgroupSize}u + local.x;
  if (row >= u.B * u.N * u.T) { return; }
  let t = row % u.T;
  let pair = row / u.T;
  let base = ((pair / u.N * u.T + t) * u.N + pair % u.N) * u.Dv;
  var delta = 0.0;
  for (var d = 0u; d < u.Dv; d++) { delta += out[base + d] * dOut[base + d]; }
  rowTerms[row * 2u] = lse[row] * LOG2E;
  rowTerms[row * 2u + 1u] = delta;
}`,
  });
}
