import { FLAT_INDEX } from "./grid.ts";
import { cachedTemplate, defineKernel, type Kernel } from "./kernel.ts";

/** How moments are stored: f32, or bf16 packed two to a word. */
export type MomentDtype = "f32" | "bf16";

/** One AdamW update of a flat segment, 4 elements an invocation; writes nothing when stats[2] is set. */
export const adamwWgsl: (moments: MomentDtype) => Kernel = cachedTemplate((moments) => {
  const io = moments === "f32" ? F32_MOMENTS : BF16_MOMENTS;
  const element = moments === "f32" ? "vec4f" : "u32";
  return defineKernel({
    label: `adamw moments=${moments}`,
    uniforms: {
      quads: "u32",
      decayedQuads: "u32",
      stepSize: "f32",
      decay: "f32",
      oneMinusBeta1: "f32",
      beta2: "f32",
      oneMinusBeta2: "f32",
      inverseSqrtBias2: "f32",
      eps: "f32",
    },
    reads: { gradients: "vec4f", stats: "f32" },
    writes: { values: "vec4f", firstMoments: element, secondMoments: element },
    body: `
${FLAT_INDEX}
${io}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flatGroup(group, groups) * 64u + lane;
  if (i >= u.quads || stats[2] != 0.0) { return; }
  let g = gradients[i] * stats[1];
  let m0 = loadFirst(i);
  let m = m0 + (g - m0) * u.oneMinusBeta1;
  let v = loadSecond(i) * u.beta2 + g * g * u.oneMinusBeta2;
  let p = values[i] * select(1.0, 1.0 - u.decay, i < u.decayedQuads);
  values[i] = p - u.stepSize * m / (sqrt(v) * u.inverseSqrtBias2 + vec4f(u.eps));
  storeFirst(i, m);
  storeSecond(i, v);
}`,
  });
});

const F32_MOMENTS = `
fn loadFirst(i: u32) -> vec4f { return firstMoments[i]; }
fn loadSecond(i: u32) -> vec4f { return secondMoments[i]; }
fn storeFirst(i: u32, m: vec4f) { firstMoments[i] = m; }
fn storeSecond(i: u32, v: vec4f) { secondMoments[i] = v; }`;

/** Rounds to nearest even on bits. The step uses the moments before rounding ("bf16_after" of the reference). */
const BF16_MOMENTS = `
fn unpack(a: u32, b: u32) -> vec4f {
  return vec4f(bitcast<f32>(a << 16u), bitcast<f32>(a & 0xffff0000u), bitcast<f32>(b << 16u), bitcast<f32>(b & 0xffff0000u));
}
fn roundBits(v: f32) -> u32 { let bits = bitcast<u32>(v); return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u; }
fn pack(a: f32, b: f32) -> u32 { return roundBits(a) | (roundBits(b) << 16u); }
fn loadFirst(i: u32) -> vec4f { return unpack(firstMoments[2u * i], firstMoments[2u * i + 1u]); }
fn loadSecond(i: u32) -> vec4f { return unpack(secondMoments[2u * i], secondMoments[2u * i + 1u]); }
fn storeFirst(i: u32, m: vec4f) { firstMoments[2u * i] = pack(m.x, m.y); firstMoments[2u * i + 1u] = pack(m.z, m.w); }
fn storeSecond(i: u32, v: vec4f) { secondMoments[2u * i] = pack(v.x, v.y); secondMoments[2u * i + 1u] = pack(v.z, v.w); }`;
