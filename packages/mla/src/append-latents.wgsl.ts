import { cachedTemplate, defineKernel, type Kernel } from "@ds3/tensor";

/**
 * Copies new tokens' latent [S, T, C] and ropeKey [S, T, R] behind what A = S x copies cache rows hold; `copies`
 * consecutive sequences take the same tokens. table i32 [2, A]: tokens held, then cache rows. A workgroup a token.
 */
export const appendLatentsWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `appendLatents lanes=${lanes}`,
    uniforms: { rows: "u32", A: "u32", T: "u32", copies: "u32", capacity: "u32", C: "u32", R: "u32" },
    reads: { latent: "f32", ropeKey: "f32", table: "i32" },
    writes: { entries: "f32" },
    body: `
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x + group.y * groups.x;
  if (row >= u.rows) { return; }
  let a = row / u.T;
  let t = row - a * u.T;
  let source = (a / u.copies) * u.T + t;
  let goal = (u32(table[u.A + a]) * u.capacity + u32(table[a]) + t) * (u.C + u.R);
  for (var i = lane; i < u.C; i += ${lanes}u) { entries[goal + i] = latent[source * u.C + i]; }
  for (var i = lane; i < u.R; i += ${lanes}u) { entries[goal + u.C + i] = ropeKey[source * u.R + i]; }
}`,
  }),
);
