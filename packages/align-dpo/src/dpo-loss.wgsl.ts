import {
  cachedTemplate,
  defineKernel,
  FLAT_INDEX,
  type Kernel,
  type Team,
  teamFeatures,
  teamReductions,
} from "@ds3/tensor";
import { type MatchedLossName, pairLosses, SMOOTHED_SIGMOID, STABLE_FUNCTIONS } from "./pair-losses.wgsl.ts";
import type { DpoLossName } from "./types.ts";

/*
 * P pairs. sums [2P]: log-probs of the sequences in their own order. `places` i32 [4P]: which sequence is chosen (P) and
 * rejected (P) of each pair, then their lengths, at least 1. reference [2P]: chosen of all pairs, then rejected.
 */

/** Compile-time parameters of the loss kernel. */
export interface DpoLossParams {
  readonly team: Team;
  readonly loss: DpoLossName;
}

const UNIFORMS = {
  P: "u32",
  beta: "f32",
  keep: "f32",
  flip: "f32",
  logKeep: "f32",
  logFlip: "f32",
  nllWeight: "f32",
  chosenTokens: "f32",
} as const;

/**
 * Mean loss over the pairs, gradients [2P] of it for `sums`, rewards [2P] = beta log(policy / reference) in the order of
 * `reference`, figures [5] = means of: margin, accuracy, chosen reward, rejected reward, and - log pi of a chosen token.
 * One team for all pairs.
 */
export const dpoLossWgsl: (params: DpoLossParams) => Kernel = cachedTemplate(({ team, loss }: DpoLossParams) =>
  defineKernel({
    label: `dpoLoss ${loss} lanes=${team.size}${team.subgroup ? " subgroup" : ""}`,
    uniforms: UNIFORMS,
    reads: { sums: "f32", reference: "f32", places: "i32", ...(isMatched(loss) ? { order: "u32" as const } : {}) },
    writes: { gradients: "f32", rewards: "f32", mean: "f32", figures: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
${STABLE_FUNCTIONS}
@compute @workgroup_size(${team.size})
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  var chosenTotal = 0.0;
  var rejectedTotal = 0.0;
  var marginTotal = 0.0;
  var better = 0.0;
  var chosenLogProb = 0.0;
  for (var p = lane; p < u.P; p += ${team.size}u) {
    let c = u32(places[p]);
    let r = u32(places[u.P + p]);
    let chosen = sums[c] - reference[p];
    let rejected = sums[r] - reference[u.P + p];
    rewards[p] = u.beta * chosen;
    rewards[u.P + p] = u.beta * rejected;
    chosenTotal += u.beta * chosen;
    rejectedTotal += u.beta * rejected;
    marginTotal += u.beta * (chosen - rejected);
    better += select(0.0, 1.0, chosen > rejected);
    var value: f32;
    ${isMatched(loss) ? matchedBody(loss) : pairBody(loss)}
    total += value;
    chosenLogProb += sums[c];
  }
  let share = 1.0 / f32(u.P);
  let nll = -teamSum(chosenLogProb, lane) / u.chosenTokens;
  let loss = teamSum(total, lane) * share + u.nllWeight * nll;
  let margin = teamSum(marginTotal, lane) * share;
  let accuracy = teamSum(better, lane) * share;
  let chosenReward = teamSum(chosenTotal, lane) * share;
  let rejectedReward = teamSum(rejectedTotal, lane) * share;
  if (lane == 0u) {
    mean[0] = loss;
    figures[0] = margin;
    figures[1] = accuracy;
    figures[2] = chosenReward;
    figures[3] = rejectedReward;
    figures[4] = nll;
  }
}`,
  }),
);

/** Gradients for the pair's own two sequences. */
function pairBody(loss: keyof typeof pairLosses): string {
  return `let chosenLength = f32(places[2u * u.P + p]);
    let rejectedLength = f32(places[3u * u.P + p]);
    var gradChosen: f32;
    var gradRejected: f32;
    ${pairLosses[loss]}
    gradients[c] = gradChosen / f32(u.P) - u.nllWeight / u.chosenTokens;
    gradients[r] = gradRejected / f32(u.P);`;
}

/** Rank p of two sorted lists (Melnyk et al. 2024): what is on top in one is compared with what is on top in the other. */
function matchedBody(loss: MatchedLossName): string {
  const terms = matchedTerms(loss);
  return `let a = order[p];
    let b = order[u.P + p];
    let x = u.beta * (${terms.first("a")} - (${terms.second("b")}));
    ${SMOOTHED_SIGMOID}
    gradients[u32(places[a])] = u.beta * slope / f32(u.P) - u.nllWeight / u.chosenTokens;
    gradients[u32(places[u.P + ${loss === "aot" ? "a" : "b"}])] = -u.beta * slope / f32(u.P);`;
}

/**
 * order [2P]: pairs by rising first term of a matched loss, then by rising second term; equal ones by index. One
 * invocation for each entry counts how many lie before its own: P steps each, any number of pairs. Keys are the floats'
 * bits in an order that holds for NaN, too: the ranks stay a permutation, so that a NaN reaches the loss.
 */
export const rankPairsWgsl: (loss: MatchedLossName) => Kernel = cachedTemplate((loss: MatchedLossName) =>
  defineKernel({
    label: `dpoLoss rank ${loss}`,
    uniforms: { P: "u32" },
    reads: { sums: "f32", reference: "f32", places: "i32" },
    writes: { order: "u32" },
    body: `
fn keyOf(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
fn firstKey(p: u32) -> u32 { return keyOf(${matchedTerms(loss).first("p")}); }
fn secondKey(p: u32) -> u32 { return keyOf(${matchedTerms(loss).second("p")}); }
${FLAT_INDEX}
@compute @workgroup_size(${RANK_LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = flatGroup(group, groups) * ${RANK_LANES}u + lane;
  if (p >= u.P) { return; }
  let first = firstKey(p);
  let second = secondKey(p);
  var firstRank = 0u;
  var secondRank = 0u;
  for (var q = 0u; q < u.P; q++) {
    let a = firstKey(q);
    let b = secondKey(q);
    firstRank += select(0u, 1u, a < first || (a == first && q < p));
    secondRank += select(0u, 1u, b < second || (b == second && q < p));
  }
  order[firstRank] = p;
  order[u.P + secondRank] = p;
}`,
  }),
);

/** Invocations in a workgroup of `rankPairsWgsl` and `scaleGradientsWgsl`. */
export const RANK_LANES = 8;

/** True for the losses that need `rankPairsWgsl` first. */
export function isMatched(loss: DpoLossName): loss is MatchedLossName {
  return loss === "aot" || loss === "aot_unpaired";
}

/** What a matched loss sorts: policy margins and reference margins, or log-ratios of chosen and of rejected. */
function matchedTerms(loss: MatchedLossName): Record<"first" | "second", (pair: string) => string> {
  const chosen = (p: string): string => `sums[u32(places[${p}])]`;
  const rejected = (p: string): string => `sums[u32(places[u.P + ${p}])]`;
  if (loss === "aot") {
    return {
      first: (p) => `${chosen(p)} - ${rejected(p)}`,
      second: (p) => `reference[${p}] - reference[u.P + ${p}]`,
    };
  }
  return {
    first: (p) => `${chosen(p)} - reference[${p}]`,
    second: (p) => `${rejected(p)} - reference[u.P + ${p}]`,
  };
}

/** gradSums [N] = gradients [N] gradLoss [1], or added to what is there. */
export const scaleGradientsWgsl: () => Kernel = cachedTemplate(() =>
  defineKernel({
    label: "dpoLoss backward",
    uniforms: { N: "u32", accumulate: "u32" },
    reads: { gradients: "f32", gradLoss: "f32" },
    writes: { gradSums: "f32" },
    body: `
${FLAT_INDEX}
@compute @workgroup_size(${RANK_LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = flatGroup(group, groups) * ${RANK_LANES}u + lane;
  if (n >= u.N) { return; }
  var gradient = gradients[n] * gradLoss[0];
  if (u.accumulate == 1u) { gradient += gradSums[n]; }
  gradSums[n] = gradient;
}`,
  }),
);
