import {
  cachedTemplate,
  defineKernel,
  FLAT_INDEX,
  type Kernel,
  type Team,
  teamFeatures,
  teamReductions,
} from "@ds3/tensor";
import { selectionWgsl } from "./selection.wgsl.ts";

/** Compile-time sizes of the counting kernel. */
export interface CountParams {
  readonly team: Team;
  readonly E: number;
  readonly K: number;
}

/** scores [T, E] -> inverse [T] = 1 / sum_e s; with flag `literal` also indices [T, K], the K largest scores. */
export const normaliseScoresWgsl: (params: CountParams) => Kernel = cachedTemplate(({ team, E, K }: CountParams) =>
  defineKernel({
    label: `balanceLoss normalise E=${E} K=${K} ${nameOf(team)}`,
    uniforms: { T: "u32", K: "u32", literal: "u32" },
    reads: { scores: "f32" },
    writes: { inverse: "f32", indices: "u32" },
    enable: teamFeatures(team),
    body: `
${FLAT_INDEX}
${teamReductions(team)}
${selectionWgsl(team, E, K)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  var sum = 0.0;
  for (var e = lane; e < ${E}u; e += ${team.size}u) {
    let s = scores[t * ${E}u + e];
    keys[e] = ordered(s);
    sum += s;
  }
  sum = teamSum(sum, lane);
  if (lane == 0u) { inverse[t] = 1.0 / sum; }
  if (u.literal == 0u) { return; }
  selectLargest(u.K, lane);
  for (var k = lane; k < u.K; k += ${team.size}u) { indices[t * u.K + k] = chosen[k]; }
}`,
  }),
);

/**
 * One team per (expert, sequence of L tokens): f [B, E] = E / (K L) * times counted in `indices`, and
 * products [B, E] = f times the mean of s / sum s.
 */
export const expertSharesWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `balanceLoss shares ${nameOf(team)}`,
    uniforms: { L: "u32", E: "u32", K: "u32" },
    reads: { scores: "f32", inverse: "f32", indices: "u32" },
    writes: { f: "f32", products: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let e = group.x;
  let b = group.y;
  var share = 0.0;
  var count = 0u;
  for (var t = b * u.L + lane; t < (b + 1u) * u.L; t += ${team.size}u) {
    share += scores[t * u.E + e] * inverse[t];
    for (var slot = t * u.K; slot < (t + 1u) * u.K; slot++) { count += select(0u, 1u, indices[slot] == e); }
  }
  let mean = teamSum(share, lane) / f32(u.L);
  let frequency = teamSum(f32(count), lane) * f32(u.E) / (f32(u.K) * f32(u.L));
  if (lane == 0u) {
    f[b * u.E + e] = frequency;
    products[b * u.E + e] = frequency * mean;
  }
}`,
  }),
);

/** loss [] = scale * sum of values [count]. One team. */
export const scaledSumWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `balanceLoss sum ${nameOf(team)}`,
    uniforms: { count: "u32", scale: "f32" },
    reads: { values: "f32" },
    writes: { loss: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < u.count; i += ${team.size}u) { sum += values[i]; }
  sum = teamSum(sum, lane);
  if (lane == 0u) { loss[0] = sum * u.scale; }
}`,
  }),
);

/** gradScores [T, E] = gradLoss scale / S (f - sum_j f_j s_j / S), S = sum_j s_j, scale = alpha / (B L). One team per token. */
export const balanceLossBackwardWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `balanceLoss backward ${nameOf(team)}`,
    uniforms: { T: "u32", L: "u32", E: "u32", scale: "f32", accumulate: "u32" },
    reads: { scores: "f32", inverse: "f32", f: "f32", gradLoss: "f32" },
    writes: { gradScores: "f32" },
    enable: teamFeatures(team),
    body: `
${FLAT_INDEX}
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  let sequence = t / u.L * u.E;
  let first = t * u.E;
  var dot = 0.0;
  for (var e = lane; e < u.E; e += ${team.size}u) { dot += f[sequence + e] * scores[first + e]; }
  let mean = teamSum(dot, lane) * inverse[t];
  let factor = gradLoss[0] * u.scale * inverse[t];
  for (var e = lane; e < u.E; e += ${team.size}u) {
    var gradient = factor * (f[sequence + e] - mean);
    if (u.accumulate == 1u) { gradient += gradScores[first + e]; }
    gradScores[first + e] = gradient;
  }
}`,
  }),
);

function nameOf(team: Team): string {
  return `lanes=${team.size}${team.subgroup ? " subgroup" : ""}`;
}
