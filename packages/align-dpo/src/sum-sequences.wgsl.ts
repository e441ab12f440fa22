import {
  cachedTemplate,
  defineKernel,
  FLAT_INDEX,
  type Kernel,
  type Team,
  teamFeatures,
  teamReductions,
} from "@ds3/tensor";

/** values [R], starts i32 [N + 1] -> sums [N]. One team per sequence; one without values gives 0. */
export const sumSequencesWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `sumSequences ${nameOf(team)}`,
    uniforms: { N: "u32" },
    reads: { values: "f32", starts: "i32" },
    writes: { sums: "f32" },
    enable: teamFeatures(team),
    body: `
${FLAT_INDEX}
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = flatGroup(group, groups);
  if (n >= u.N) { return; }
  let end = u32(starts[n + 1u]);
  var sum = 0.0;
  for (var i = u32(starts[n]) + lane; i < end; i += ${team.size}u) { sum += values[i]; }
  sum = teamSum(sum, lane);
  if (lane == 0u) { sums[n] = sum; }
}`,
  }),
);

/** gradSums [N] -> gradValues [R]: every value of a sequence gets its sum's gradient. One workgroup per sequence. */
export const spreadToSequencesWgsl: (lanes: number) => Kernel = cachedTemplate((lanes: number) =>
  defineKernel({
    label: `sumSequences backward lanes=${lanes}`,
    uniforms: { N: "u32", accumulate: "u32" },
    reads: { gradSums: "f32", starts: "i32" },
    writes: { gradValues: "f32" },
    body: `
${FLAT_INDEX}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = flatGroup(group, groups);
  if (n >= u.N) { return; }
  let end = u32(starts[n + 1u]);
  let gradient = gradSums[n];
  for (var i = u32(starts[n]) + lane; i < end; i += ${lanes}u) {
    if (u.accumulate == 1u) { gradValues[i] += gradient; } else { gradValues[i] = gradient; }
  }
}`,
  }),
);

function nameOf(team: Team): string {
  return `lanes=${team.size}${team.subgroup ? " subgroup" : ""}`;
}
