import { cachedTemplate, defineKernel, type Kernel, type Team, teamFeatures, teamReductions } from "@ds3/tensor";

/**
 * One team. scores [2 P], pairs [P, 2] = where the score of each pair's chosen and rejected answer is.
 * loss [1] = mean of -log sigmoid(m), m = chosen - rejected; figures [2] = share of m > 0, mean m; gradient [2 P].
 */
export const bradleyTerryWgsl: (team: Team) => Kernel = cachedTemplate((team: Team) =>
  defineKernel({
    label: `bradleyTerryLoss lanes=${team.size}${team.subgroup ? " subgroup" : ""}`,
    uniforms: { P: "u32" },
    reads: { scores: "f32", pairs: "u32" },
    writes: { loss: "f32", figures: "f32", gradient: "f32" },
    enable: teamFeatures(team),
    body: `
${teamReductions(team)}
@compute @workgroup_size(${team.size})
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  var wins = 0.0;
  var margins = 0.0;
  for (var p = lane; p < u.P; p += ${team.size}u) {
    let chosen = pairs[2u * p];
    let rejected = pairs[2u * p + 1u];
    let margin = scores[chosen] - scores[rejected];
    // -log sigmoid(m) = log(1 + e^-m), and sigmoid(-m), without an exponential that overflows.
    let small = exp(-abs(margin));
    let rest = select(log(1.0 + small), small * (1.0 - 0.5 * small), small < 1e-3);
    total += select(-margin, 0.0, margin >= 0.0) + rest;
    wins += select(0.0, 1.0, margin > 0.0);
    margins += margin;
    let slope = select(1.0, small, margin >= 0.0) / (1.0 + small) / f32(u.P);
    gradient[chosen] = -slope;
    gradient[rejected] = slope;
  }
  total = teamSum(total, lane);
  wins = teamSum(wins, lane);
  margins = teamSum(margins, lane);
  if (lane == 0u) {
    loss[0] = total / f32(u.P);
    figures[0] = wins / f32(u.P);
    figures[1] = margins / f32(u.P);
  }
}`,
  }),
);
