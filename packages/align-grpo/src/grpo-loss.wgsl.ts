import {
  cachedTemplate,
  defineKernel,
  FLAT_INDEX,
  type Kernel,
  type Team,
  teamFeatures,
  teamReductions,
} from "@ds3/tensor";

/** Values that the kernel keeps of each token: ratio, KL, surrogate, clipped. */
export const TOKEN_VALUES = 4;
/** Sums of each completion: loss, KL, clipped tokens, ratio. */
export const COMPLETION_SUMS = 4;

/**
 * One team per completion. logProbs, old, reference [R], starts [N + 1]; completions [N, 2] = advantage and weight.
 * tokens [4, R] = ratio, k3, surrogate, clipped; gradient [R] of the loss; sums [N, 4].
 *
 * k3 = e^d - d - 1 loses all its digits near d = 0, where training lives: there it is summed as a series, whose rest is below
 * 2e-8 of it. Its derivative by the policy's log-prob, 1 - e^d, is -(d + k3).
 */
export const grpoLossWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `grpoLoss ${nameOf(team)}`,
    uniforms: { N: "u32", R: "u32", isSequence: "u32", hasReference: "u32", low: "f32", high: "f32", beta: "f32" },
    reads: { logProbs: "f32", old: "f32", reference: "f32", starts: "u32", completions: "f32" },
    writes: { tokens: "f32", gradient: "f32", sums: "f32" },
    enable: teamFeatures(team),
    body: `
${FLAT_INDEX}
${teamReductions(team)}
fn k3(d: f32) -> f32 {
  let series = d * d * (0.5 + d * (1.0 / 6.0 + d * (1.0 / 24.0 + d * (1.0 / 120.0 + d * (1.0 / 720.0 + d / 5040.0)))));
  return select(exp(d) - d - 1.0, series, abs(d) < 0.25);
}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = flatGroup(group, groups);
  if (n >= u.N) { return; }
  let first = starts[n];
  let end = starts[n + 1u];
  let advantage = completions[2u * n];
  let weight = completions[2u * n + 1u];
  var logRatios = 0.0;
  for (var i = first + lane; i < end; i += ${team.size}u) { logRatios += logProbs[i] - old[i]; }
  let meanLogRatio = teamSum(logRatios, lane) / f32(max(end - first, 1u));
  var loss = 0.0;
  var kl = 0.0;
  var clipped = 0.0;
  var ratios = 0.0;
  for (var i = first + lane; i < end; i += ${team.size}u) {
    let ratio = exp(select(logProbs[i] - old[i], meanLogRatio, u.isSequence == 1u));
    let plain = ratio * advantage;
    let bounded = clamp(ratio, u.low, u.high) * advantage;
    let isClipped = bounded < plain;
    let surrogate = select(plain, bounded, isClipped);
    let d = select(0.0, reference[i] - logProbs[i], u.hasReference == 1u);
    let divergence = k3(d);
    tokens[i] = ratio;
    tokens[u.R + i] = divergence;
    tokens[2u * u.R + i] = surrogate;
    tokens[3u * u.R + i] = select(0.0, 1.0, isClipped);
    gradient[i] = -weight * (select(plain, 0.0, isClipped) + u.beta * (d + divergence));
    loss += u.beta * divergence - surrogate;
    kl += divergence;
    clipped += select(0.0, 1.0, isClipped);
    ratios += ratio;
  }
  loss = teamSum(loss, lane) * weight;
  kl = teamSum(kl, lane);
  clipped = teamSum(clipped, lane);
  ratios = teamSum(ratios, lane);
  if (lane == 0u) {
    sums[4u * n] = loss;
    sums[4u * n + 1u] = kl;
    sums[4u * n + 2u] = clipped;
    sums[4u * n + 3u] = ratios;
  }
}`,
  }),
);

/** loss [1] and figures [3] = mean KL, share of clipped tokens, mean ratio, from sums [N, 4] over R tokens. One team. */
export const grpoFiguresWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `grpoLoss figures ${nameOf(team)}`,
    uniforms: { N: "u32", R: "u32" },
    reads: { sums: "f32" },
    writes: { loss: "f32", figures: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = vec4f();
  for (var n = lane; n < u.N; n += ${team.size}u) {
    total += vec4f(sums[4u * n], sums[4u * n + 1u], sums[4u * n + 2u], sums[4u * n + 3u]);
  }
  let sum = vec4f(teamSum(total.x, lane), teamSum(total.y, lane), teamSum(total.z, lane), teamSum(total.w, lane));
  if (lane == 0u) {
    loss[0] = sum.x;
    for (var i = 0u; i < 3u; i++) { figures[i] = sum[i + 1u] / f32(u.R); }
  }
}`,
  }),
);

/** gradient [size] (+)= gradLoss[0] stored [size]: the gradient that forward has computed, scaled by the loss's own. */
export const scaleStoredWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `scale stored gradient lanes=${team.size}`,
    uniforms: { size: "u32", span: "u32", accumulate: "u32" },
    reads: { stored: "f32", gradLoss: "f32" },
    writes: { gradient: "f32" },
    body: `
${FLAT_INDEX}
@compute @workgroup_size(${team.size})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = min(flatGroup(group, groups) * u.span, u.size);
  let end = min(first + u.span, u.size);
  for (var i = first + lane; i < end; i += ${team.size}u) {
    gradient[i] = select(0.0, gradient[i], u.accumulate == 1u) + gradLoss[0] * stored[i];
  }
}`,
  }),
);

function nameOf(team: Team): string {
  return `lanes=${team.size}${team.subgroup ? " subgroup" : ""}`;
}
