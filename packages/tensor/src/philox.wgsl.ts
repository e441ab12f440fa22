import { FLAT_INDEX } from "./grid.ts";
import { cachedTemplate, defineKernel, type Kernel } from "./kernel.ts";

/** WGSL: Philox 4x32-10, `philox(counter, key)`; 32-bit high products out of 16-bit halves. */
export const PHILOX = `
fn mulHigh(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu; let ah = a >> 16u;
  let bl = b & 0xffffu; let bh = b >> 16u;
  let low = al * bl;
  let mid = ah * bl + (low >> 16u);
  let cross = al * bh + (mid & 0xffffu);
  return ah * bh + (mid >> 16u) + (cross >> 16u);
}
fn philox(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    let high0 = mulHigh(0xD2511F53u, c.x); let low0 = 0xD2511F53u * c.x;
    let high1 = mulHigh(0xCD9E8D57u, c.z); let low1 = 0xCD9E8D57u * c.z;
    c = vec4u(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
    k = k + vec2u(0x9E3779B9u, 0xBB67AE85u);
  }
  return c;
}`;

/** Raw random words: 4 an invocation, counter = (index, stream, 0, 0), key = seed. */
export const randomWordsWgsl: () => Kernel = cachedTemplate(() =>
  defineKernel({
    label: "randomWords",
    uniforms: { size: "u32", stream: "u32", seedLow: "u32", seedHigh: "u32" },
    writes: { words: "u32" },
    body: `${PHILOX}${FLAT_INDEX}${main("words[4u * i + j] = bits[j];", "let bits = philox(vec4u(i, u.stream, 0u, 0u), vec2u(u.seedLow, u.seedHigh));")}`,
  }),
);

/** Normal numbers: Box-Muller on pairs of words; the uniform in (0, 1] keeps the logarithm finite. */
export const randomNormalWgsl: () => Kernel = cachedTemplate(() =>
  defineKernel({
    label: "randomNormal",
    uniforms: { size: "u32", stream: "u32", seedLow: "u32", seedHigh: "u32", deviation: "f32" },
    writes: { values: "f32" },
    body: `${PHILOX}${FLAT_INDEX}
fn unit(word: u32) -> f32 { return (f32(word >> 8u) + 1.0) / 16777216.0; }
fn normals(bits: vec4u) -> vec4f {
  let radius = sqrt(-2.0 * log(vec2f(unit(bits.x), unit(bits.z))));
  let angle = 6.283185307179586 * vec2f(unit(bits.y), unit(bits.w));
  return vec4f(radius.x * cos(angle.x), radius.x * sin(angle.x), radius.y * cos(angle.y), radius.y * sin(angle.y));
}${main("values[4u * i + j] = u.deviation * normal[j];", "let normal = normals(philox(vec4u(i, u.stream, 0u, 0u), vec2u(u.seedLow, u.seedHigh)));")}`,
  }),
);

function main(store: string, prepare: string): string {
  return `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = flatGroup(group, groups) * 64u + lane;
  ${prepare}
  for (var j = 0u; j < 4u; j++) { if (4u * i + j < u.size) { ${store} } }
}`;
}
