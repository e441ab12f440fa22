import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";

/*
 * Keys and values of all heads from the up-projected latent and the one rotated key that the heads share:
 *   k[t, n] = [kv[t, n, 0 .. nope); ropeKey[t]],  v[t, n] = kv[t, n, nope .. nope + v)
 * A workgroup takes one token, its lanes side by side along the columns of a head.
 */

/** Uniforms of both kernels: T tokens, N heads, and the three widths. */
const uniforms = { T: "u32", N: "u32", nope: "u32", rope: "u32", value: "u32" } as const;

const main = (lanes: number, body: string): string => `
${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  let keyWidth = u.nope + u.rope;
  let kvWidth = u.nope + u.value;
${body}
}`;

/** Forward: kv [T, N, nope + v], ropeKey [T, rope] -> k [T, N, nope + rope], v [T, N, v]. */
export const keyValueWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `keyValue lanes=${lanes}`,
    uniforms,
    reads: { kv: "f32", ropeKey: "f32" },
    writes: { k: "f32", v: "f32" },
    body: main(
      lanes,
      `
  for (var n = 0u; n < u.N; n++) {
    let kvRow = (t * u.N + n) * kvWidth;
    let kRow = (t * u.N + n) * keyWidth;
    let vRow = (t * u.N + n) * u.value;
    for (var i = lane; i < u.nope; i += ${lanes}u) { k[kRow + i] = kv[kvRow + i]; }
    for (var i = lane; i < u.rope; i += ${lanes}u) { k[kRow + u.nope + i] = ropeKey[t * u.rope + i]; }
    for (var i = lane; i < u.value; i += ${lanes}u) { v[vRow + i] = kv[kvRow + u.nope + i]; }
  }`,
    ),
  }),
);

/** Backward: dk, dv -> dkv and dRopeKey, the latter summed over heads in order. */
export const keyValueBackwardWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `keyValueBackward lanes=${lanes}`,
    uniforms,
    reads: { dk: "f32", dv: "f32" },
    writes: { dkv: "f32", dRopeKey: "f32" },
    body: main(
      lanes,
      `
  for (var n = 0u; n < u.N; n++) {
    let kvRow = (t * u.N + n) * kvWidth;
    let kRow = (t * u.N + n) * keyWidth;
    let vRow = (t * u.N + n) * u.value;
    for (var i = lane; i < u.nope; i += ${lanes}u) { dkv[kvRow + i] = dk[kRow + i]; }
    for (var i = lane; i < u.value; i += ${lanes}u) { dkv[kvRow + u.nope + i] = dv[vRow + i]; }
  }
  for (var i = lane; i < u.rope; i += ${lanes}u) {
    var sum = 0.0;
    for (var n = 0u; n < u.N; n++) { sum += dk[(t * u.N + n) * keyWidth + u.nope + i]; }
    dRopeKey[t * u.rope + i] = sum;
  }`,
    ),
  }),
);
