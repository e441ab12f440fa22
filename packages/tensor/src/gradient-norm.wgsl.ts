import { FLAT_INDEX } from "./grid.ts";
import { cachedTemplate, defineKernel, type Kernel } from "./kernel.ts";
import { type Team, teamFeatures, teamReductions } from "./target.ts";

/** Elements that one team squares and sums. */
export const NORM_CHUNK = 8192;

/** WGSL: 1 for NaN and infinities, tested on bits because float comparisons do not see them on every adapter. */
export const NON_FINITE =
  "fn nonFinite(v: f32) -> f32 { return select(0.0, 1.0, (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u); }";

/** partials[2 i], [2 i + 1] = sum of squares and non-finite flag of chunk i of `gradients`. */
export const squareSumsWgsl: (team: Team) => Kernel = cachedTemplate((team) =>
  defineKernel({
    label: `squareSums team=${team.size}${team.subgroup ? "s" : "w"}`,
    uniforms: { length: "u32", first: "u32" },
    reads: { gradients: "vec4f" },
    writes: { partials: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
${FLAT_INDEX}
${NON_FINITE}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let chunk = flatGroup(group, groups);
  let begin = chunk * ${NORM_CHUNK / 4}u;
  let end = min(begin + ${NORM_CHUNK / 4}u, u.length / 4u);
  var sum = vec4f(0.0);
  var bad = 0.0;
  for (var i = begin + lane; i < end; i += ${team.size}u) {
    let g = gradients[i];
    sum += g * g;
    bad = max(bad, max(max(nonFinite(g.x), nonFinite(g.y)), max(nonFinite(g.z), nonFinite(g.w))));
  }
  let total = teamSum((sum.x + sum.y) + (sum.z + sum.w), lane);
  let flag = teamMax(bad, lane);
  if (lane == 0u && begin < end) {
    partials[u.first + 2u * chunk] = total;
    partials[u.first + 2u * chunk + 1u] = flag;
  }
}`,
  }),
);

/** stats = [norm, clip scale, 1 when gradients, norm or loss are not finite, loss]. */
export const finishNormWgsl: (team: Team) => Kernel = cachedTemplate((team) =>
  defineKernel({
    label: `finishNorm team=${team.size}${team.subgroup ? "s" : "w"}`,
    uniforms: { count: "u32", clipNorm: "f32" },
    reads: { partials: "f32", loss: "f32" },
    writes: { stats: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
${NON_FINITE}
@compute @workgroup_size(${team.size})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  var bad = 0.0;
  for (var i = lane; i < u.count; i += ${team.size}u) {
    sum += partials[2u * i];
    bad = max(bad, partials[2u * i + 1u]);
  }
  let norm = sqrt(teamSum(sum, lane));
  bad = max(teamMax(bad, lane), max(nonFinite(norm), nonFinite(loss[0])));
  if (lane == 0u) {
    stats[0] = norm;
    stats[1] = min(1.0, u.clipNorm / (norm + 1e-6));
    stats[2] = bad;
    stats[3] = loss[0];
  }
}`,
  }),
);
