import { cachedTemplate, defineKernel, type Kernel } from "@ds3/tensor";

/**
 * bias [E] += speed * sign(mean load - load). The sign is taken on integers: with total = E q + r, the mean is above a load
 * n when n < q, or n = q and r > 0; equal when n = q and r = 0. Both buffers are read_write, they may share an arena.
 */
export const updateBiasWgsl: () => Kernel = cachedTemplate(() =>
  defineKernel({
    label: "updateBias",
    uniforms: { E: "u32", speed: "f32" },
    writes: { bias: "f32", load: "u32" },
    body: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let e = id.x;
  if (e >= u.E) { return; }
  var total = 0u;
  for (var i = 0u; i < u.E; i++) { total += load[i]; }
  let quotient = total / u.E;
  let remainder = total % u.E;
  if (load[e] > quotient) {
    bias[e] -= u.speed;
  } else if (load[e] < quotient || remainder > 0u) {
    bias[e] += u.speed;
  }
}`,
  }),
);

/** total [E] += load [E], u32. */
export const accumulateLoadWgsl: () => Kernel = cachedTemplate(() =>
  defineKernel({
    label: "accumulateLoad",
    uniforms: { E: "u32" },
    writes: { total: "u32", load: "u32" },
    body: `
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < u.E) { total[id.x] += load[id.x]; }
}`,
  }),
);
