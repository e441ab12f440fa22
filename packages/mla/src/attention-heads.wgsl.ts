import { cachedTemplate, defineKernel, FLAT_INDEX, type Kernel } from "@ds3/tensor";

/*
 * What attention reads, from the projections: queries and the shared key turned by their token's angles, in place, and
 * keys and values of all heads:
 *   k[t, n] = [kv[t, n, 0 .. nope); key[t]],  v[t, n] = kv[t, n, nope .. nope + v)
 * A workgroup takes one token. A lane takes pairs of the rotation and turns them for all heads with one load of the angle,
 * then its share of the columns of each head.
 */

/** Uniforms of both kernels: T tokens, N heads, and the three widths. */
const uniforms = { T: "u32", N: "u32", nope: "u32", rope: "u32", value: "u32" } as const;

const main = (lanes: number, perPair: string, perHead: string): string => `
${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  let keyWidth = u.nope + u.rope;
  let kvWidth = u.nope + u.value;
  let angles = u32(positions[t]) * u.rope / 2u;
  let endHead = (t + 1u) * u.N;
  for (var pair = lane; pair < u.rope / 2u; pair += ${lanes}u) {
    let c = cos[angles + pair];
    let s = sin[angles + pair];
    let sharedAt = t * u.rope + 2u * pair;
    let own = u.nope + 2u * pair;
${perPair}
  }
  for (var head = t * u.N; head < endHead; head++) {
    let kvRow = head * kvWidth;
    let kRow = head * keyWidth;
    let vRow = head * u.value;
${perHead}
  }
}`;

/** Loop over `width` columns that the lanes share, four of a lane at a time: short rows cost as much as the loop. */
const columns = (lanes: number, width: string, copy: (i: string) => string): string => {
  const four = [0, 1, 2, 3].map((j) => copy(`i + ${j * lanes}u`)).join(" ");
  return `    {
      var i = lane;
      for (; i + ${3 * lanes}u < ${width}; i += ${4 * lanes}u) { ${four} }
      for (; i < ${width}; i += ${lanes}u) { ${copy("i")} }
    }`;
};

/**
 * Forward: kv [T, N, nope + v], cos, sin [P, rope / 2], positions [T] -> k [T, N, nope + rope], v [T, N, v]; turns
 * q [T, N, nope + rope] (its last rope columns) and key [T, rope].
 */
export const attentionHeadsWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `attentionHeads lanes=${lanes}`,
    uniforms,
    reads: { kv: "f32", cos: "f32", sin: "f32", positions: "i32" },
    writes: { q: "f32", key: "f32", k: "f32", v: "f32" },
    body: main(
      lanes,
      `    let a = key[sharedAt] * c - key[sharedAt + 1u] * s;
    let b = key[sharedAt] * s + key[sharedAt + 1u] * c;
    key[sharedAt] = a;
    key[sharedAt + 1u] = b;
    for (var head = t * u.N; head < endHead; head++) {
      let at = head * keyWidth + own;
      k[at] = a;
      k[at + 1u] = b;
      let x = q[at];
      let y = q[at + 1u];
      q[at] = x * c - y * s;
      q[at + 1u] = x * s + y * c;
    }`,
      `${columns(lanes, "u.nope", (i) => `k[kRow + ${i}] = kv[kvRow + ${i}];`)}
${columns(lanes, "u.value", (i) => `v[vRow + ${i}] = kv[kvRow + u.nope + ${i}];`)}`,
    ),
  }),
);

/**
 * Backward: dk, dv -> dkv and dkey, the latter summed over heads in order, with `given` onto what is there, and turned
 * back; turns dq back in place.
 */
export const attentionHeadsBackwardWgsl: (lanes: number) => Kernel = cachedTemplate((lanes) =>
  defineKernel({
    label: `attentionHeads backward lanes=${lanes}`,
    uniforms: { ...uniforms, given: "u32" },
    reads: { dk: "f32", dv: "f32", cos: "f32", sin: "f32", positions: "i32" },
    writes: { dq: "f32", dkv: "f32", dkey: "f32" },
    body: main(
      lanes,
      `    var a = 0.0;
    var b = 0.0;
    if (u.given == 1u) { a = dkey[sharedAt]; b = dkey[sharedAt + 1u]; }
    for (var head = t * u.N; head < endHead; head++) {
      let at = head * keyWidth + own;
      a += dk[at];
      b += dk[at + 1u];
      let x = dq[at];
      let y = dq[at + 1u];
      dq[at] = x * c + y * s;
      dq[at + 1u] = y * c - x * s;
    }
    dkey[sharedAt] = a * c + b * s;
    dkey[sharedAt + 1u] = b * c - a * s;`,
      `${columns(lanes, "u.nope", (i) => `dkv[kvRow + ${i}] = dk[kRow + ${i}];`)}
${columns(lanes, "u.value", (i) => `dkv[kvRow + u.nope + ${i}] = dv[vRow + ${i}];`)}`,
    ),
  }),
);
