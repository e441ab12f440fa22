import {
  cachedTemplate,
  type DotRowsWgsl,
  defineKernel,
  FLAT_INDEX,
  type Kernel,
  type Team,
  teamFeatures,
} from "@ds3/tensor";
import { selectionWgsl } from "./selection.wgsl.ts";

/** Compile-time sizes of the router: they fix workgroup memory. */
export interface RouteParams {
  readonly team: Team;
  readonly E: number;
  readonly K: number;
  readonly nGroup: number;
}

/**
 * WGSL of the choice of one token's K experts, with the uniforms K, nGroup, topkGroup, normalise and factor.
 *
 * Affinities and choices stay in workgroup memory. Each lane calls `setAffinity(e, sigmoid(logit), bias)` for experts of
 * its own, then all call `chooseExperts(lane)`: lane g scores group g (its two best choices), ranks it among all groups
 * and clears the keys of its experts when topkGroup others are better; then K rounds of a team maximum. Afterwards
 * `chosen[k]`, `combineWeight(k)` and `groupKeys` are there in every lane.
 */
export function chooseExpertsWgsl({ team, E, K, nGroup }: RouteParams): string {
  return `
${selectionWgsl(team, E, K)}
const PER_GROUP = ${E / nGroup}u;
var<workgroup> affinity: array<f32, ${E}>;
var<workgroup> groupKeys: array<u32, ${nGroup}>;

fn sigmoid(z: f32) -> f32 { // never an intermediate infinity
  let small = exp(-abs(z));
  return select(small, 1.0, z >= 0.0) / (1.0 + small);
}
fn scoreOfGroup(g: u32) -> f32 {
  var best = 0u;
  var second = 0u;
  for (var e = g * PER_GROUP; e < (g + 1u) * PER_GROUP; e++) {
    let key = keys[e];
    second = max(second, min(best, key));
    best = max(best, key);
  }
  return unordered(best)${E === nGroup ? "" : " + unordered(second)"};
}
fn groupsBetterThan(g: u32) -> u32 {
  var count = 0u;
  for (var h = 0u; h < u.nGroup; h++) {
    if (groupKeys[h] > groupKeys[g] || (groupKeys[h] == groupKeys[g] && h < g)) { count++; }
  }
  return count;
}

var<private> divisor: f32;
fn setAffinity(e: u32, affinityOfExpert: f32, biasOfExpert: f32) {
  affinity[e] = affinityOfExpert;
  keys[e] = ordered(affinityOfExpert + biasOfExpert);
}
fn chooseExperts(lane: u32) {
  workgroupBarrier();
  for (var g = lane; g < u.nGroup; g += ${team.size}u) { groupKeys[g] = ordered(scoreOfGroup(g)); }
  workgroupBarrier();
  for (var g = lane; g < u.nGroup; g += ${team.size}u) {
    if (groupsBetterThan(g) < u.topkGroup) { continue; }
    for (var e = g * PER_GROUP; e < (g + 1u) * PER_GROUP; e++) { keys[e] = 0u; }
  }
  workgroupBarrier();
  selectLargest(u.K, lane);
  var sum = 1e-20;
  for (var k = 0u; k < u.K; k++) { sum += affinity[chosen[k]]; }
  divisor = select(1.0, sum, u.normalise == 1u);
}
fn combineWeight(k: u32) -> f32 { return affinity[chosen[k]] / divisor * u.factor; }`;
}

/** Where a kernel finds what the router reads, as `dotRowsWgsl` has it. */
export interface RouteOfRow {
  /** The product's text: `dotRowsWgsl` of the kernel. */
  readonly product: Pick<DotRowsWgsl, "dotRows" | "width">;
  /** Vector `index` of the token's normed row, and of the buffer with the gate. */
  readonly x: (index: string) => string;
  readonly weight: (index: string) => string;
  /** First vector of the gate's row `r`. */
  readonly row: (r: string) => string;
}

/**
 * `chooseExpertsWgsl` from a row of x on: `declarations`, and `choose`, which computes the logits and calls
 * `chooseExperts`. For kernels with the uniforms E and D4, the buffer bias [E] and the variable lane. Loops over experts
 * end at a uniform: a driver unrolls short loops of known length, the product in them included.
 */
export function chooseByRowWgsl(
  params: RouteParams,
  { product, ...parts }: RouteOfRow,
): { readonly declarations: string; readonly choose: string } {
  const { x, weight, row } = parts;
  return {
    declarations: `${chooseExpertsWgsl(params)}\nvar<private> logits: array<f32, ${params.E}>;`,
    choose: `
  for (var e = 0u; e < u.E; e++) { logits[e] = 0.0; }
  for (var k = 0u; k < u.D4; k += ${product.width}u) ${product.dotRows({
    ...{ x, weight, rows: { logit: row } },
    ...{ length: "u.D4", from: "k", count: "u.E" },
    use: "logits[r] += dot_logit;",
  })}
  for (var e = 0u; e < u.E; e++) {
    let logit = teamSum(logits[e], lane);
    if (e % ${params.team.size}u == lane) { setAffinity(e, sigmoid(logit), bias[e]); }
  }
  chooseExperts(lane);`,
  };
}

/**
 * Router: one team per token. logits [T, E], bias [E] -> indices, weights [T, K], scores [T, E], groupScores [T, nGroup].
 */
export const routeWgsl: (params: RouteParams) => Kernel = cachedTemplate(({ team, E, K, nGroup }: RouteParams) =>
  defineKernel({
    label: `route E=${E} K=${K} nGroup=${nGroup} lanes=${team.size}${team.subgroup ? " subgroup" : ""}`,
    uniforms: { T: "u32", K: "u32", nGroup: "u32", topkGroup: "u32", normalise: "u32", factor: "f32" },
    reads: { logits: "f32", bias: "f32" },
    writes: { indices: "u32", weights: "f32", scores: "f32", groupScores: "f32" },
    enable: teamFeatures(team),
    body: `
${FLAT_INDEX}
${chooseExpertsWgsl({ team, E, K, nGroup })}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var e = lane; e < ${E}u; e += ${team.size}u) {
    let s = sigmoid(logits[t * ${E}u + e]);
    setAffinity(e, s, bias[e]);
    scores[t * ${E}u + e] = s;
  }
  chooseExperts(lane);
  for (var g = lane; g < u.nGroup; g += ${team.size}u) { groupScores[t * u.nGroup + g] = unordered(groupKeys[g]); }
  for (var k = lane; k < u.K; k += ${team.size}u) {
    indices[t * u.K + k] = chosen[k];
    weights[t * u.K + k] = combineWeight(k);
  }
}`,
  }),
);

/**
 * d logits of the router, one team per token: through the combine weights (flag 1) and the scores (flag 2).
 *
 * With w_k = c s_k / S: ds_k = c (dw_k - sum_j dw_j s_j / S) / S; not normalised: ds_k = c dw_k; then dz = ds s (1 - s).
 * Every expert's element belongs to one lane, so the chosen ones can be added in a second pass without a barrier.
 */
export const routeBackwardWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `route backward lanes=${team.size}`,
    uniforms: { T: "u32", E: "u32", K: "u32", normalise: "u32", factor: "f32", given: "u32", accumulate: "u32" },
    reads: { indices: "u32", scores: "f32", gradWeights: "f32", gradScores: "f32" },
    writes: { gradLogits: "f32" },
    body: `
${FLAT_INDEX}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let t = flatGroup(group, groups);
  if (t >= u.T) { return; }
  for (var e = t * u.E + lane; e < (t + 1u) * u.E; e += ${team.size}u) {
    var gradient = 0.0;
    if ((u.given & 2u) != 0u) { gradient = gradScores[e] * scores[e] * (1.0 - scores[e]); }
    if (u.accumulate == 1u) { gradient += gradLogits[e]; }
    gradLogits[e] = gradient;
  }
  if ((u.given & 1u) == 0u) { return; }
  var sum = 1e-20;
  var dot = 0.0;
  for (var k = t * u.K; k < (t + 1u) * u.K; k++) {
    let s = scores[t * u.E + indices[k]];
    sum += s;
    dot += gradWeights[k] * s;
  }
  let mean = select(0.0, dot / sum, u.normalise == 1u);
  let scale = u.factor / select(1.0, sum, u.normalise == 1u);
  for (var k = t * u.K; k < (t + 1u) * u.K; k++) {
    let e = indices[k];
    if (e % ${team.size}u != lane) { continue; }
    let s = scores[t * u.E + e];
    gradLogits[t * u.E + e] += scale * (gradWeights[k] - mean) * s * (1.0 - s);
  }
}`,
  }),
);
