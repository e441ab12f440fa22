import { cachedTemplate, defineKernel, type Kernel, type Team, teamFeatures, teamReductions } from "@ds3/tensor";

/** Latent elements a lane can hold: kvLoraRank 512 fits from 4 lanes on. */
export const MAX_LATENT_PER_LANE = 128;

/**
 * One query token against the latent cache, without expanding keys or values: a team per (head, sequence).
 *
 *   qLatent = W_UK^T q_nope;  score_s = scale (qLatent c_s + q_rope r_s);  out = W_UV (sum_s p_s c_s)
 *
 * q [A, N, nope + R], kvB [N, nope + v, C], entries [batch, capacity, C + R] -> out [A, N, v].
 * table i32 [2, A] says of each sequence how many tokens its cache row held before this one, then which row that is.
 * The latent of the query and the running sum stay in private memory, C / lanes elements a lane.
 */
export const absorbedAttentionWgsl: (team: Team) => Kernel = cachedTemplate((team) =>
  defineKernel({
    label: `absorbedAttention team=${team.size}${team.subgroup ? "s" : "w"}`,
    uniforms: {
      A: "u32",
      N: "u32",
      capacity: "u32",
      C: "u32",
      R: "u32",
      nope: "u32",
      value: "u32",
      scale: "f32",
    },
    reads: { q: "f32", kvB: "f32", entries: "f32", table: "i32" },
    writes: { out: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
var<private> qLatent: array<f32, ${MAX_LATENT_PER_LANE}>;
var<private> mean: array<f32, ${MAX_LATENT_PER_LANE}>;
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x;
  let a = group.y;
  let length = u32(table[a]) + 1u;
  let firstRow = u32(table[u.A + a]) * u.capacity;
  let qRow = (a * u.N + n) * (u.nope + u.R);
  let weightRow = n * (u.nope + u.value);
  var slot = 0u;
  for (var c = lane; c < u.C; c += ${team.size}u) {
    var sum = 0.0;
    for (var i = 0u; i < u.nope; i++) { sum += q[qRow + i] * kvB[(weightRow + i) * u.C + c]; }
    qLatent[slot] = sum;
    mean[slot] = 0.0;
    slot++;
  }
  var largest = -3.0e38;
  var total = 0.0;
  for (var s = 0u; s < length; s++) {
    let entry = (firstRow + s) * (u.C + u.R);
    var dot = 0.0;
    slot = 0u;
    for (var c = lane; c < u.C; c += ${team.size}u) { dot += qLatent[slot] * entries[entry + c]; slot++; }
    for (var i = lane; i < u.R; i += ${team.size}u) { dot += q[qRow + u.nope + i] * entries[entry + u.C + i]; }
    let score = teamSum(dot, lane) * u.scale;
    let top = max(largest, score);
    let keep = exp(largest - top);
    let weight = exp(score - top);
    largest = top;
    total = total * keep + weight;
    slot = 0u;
    for (var c = lane; c < u.C; c += ${team.size}u) {
      mean[slot] = mean[slot] * keep + weight * entries[entry + c];
      slot++;
    }
  }
  for (var i = 0u; i < u.value; i++) {
    var sum = 0.0;
    slot = 0u;
    for (var c = lane; c < u.C; c += ${team.size}u) { sum += mean[slot] * kvB[(weightRow + u.nope + i) * u.C + c]; slot++; }
    let element = teamSum(sum, lane) / total;
    if (lane == 0u) { out[(a * u.N + n) * u.value + i] = element; }
  }
}`,
  }),
);
