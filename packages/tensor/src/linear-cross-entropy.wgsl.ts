import { defineKernel, type Kernel } from "./kernel.ts";
import { type RowTeamParams, rowMain, rowUniforms, teamLabel } from "./row-kernel.ts";
import { teamFeatures, teamReductions } from "./target.ts";
import { rowSum } from "./token-log-probs.wgsl.ts";

/**
 * Folds the logits [T, V] of the ids from `first` on into each row's running maximum, sum of exponentials and target
 * logit [T]; `isFirst` starts them. `isLast` leaves the log-sum-exp in the place of the maximum and the target's
 * log-probability in that of its logit, both 0 where the target is below 0. targets [T] i32.
 *
 * In ascending order of the chunks. A NaN among the logits stays in the sum; infinity becomes NaN there.
 */
export function foldLogitsWgsl({ team }: RowTeamParams): Kernel {
  const lanes = team.size;
  return defineKernel({
    label: `linearCrossEntropy ${teamLabel({ team })}`,
    uniforms: { ...rowUniforms, V: "u32", first: "u32", isFirst: "u32", isLast: "u32", inverse: "f32" },
    reads: { logits: "f32", targets: "i32" },
    writes: { maximum: "f32", sum: "f32", own: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
${rowMain(
  lanes,
  `let start = row * u.V;
let label = targets[row];
let ignored = label < 0;
${rowSum(lanes)}
if (lane == 0u) {
  let before = select(maximum[row], top, u.isFirst == 1u);
  let largest = max(before, top);
  let joined = select(sum[row], 0.0, u.isFirst == 1u) * exp(before - largest) + total * exp(top - largest);
  let column = u32(max(label, 0)) - u.first;
  let ownLogit = select(select(own[row], 0.0, u.isFirst == 1u), logits[start + min(column, u.V - 1u)], column < u.V);
  let isLast = u.isLast == 1u;
  let logSum = log(joined);
  maximum[row] = select(select(largest, largest + logSum, isLast), 0.0, ignored);
  own[row] = select(select(ownLogit, ownLogit - largest - logSum, isLast), 0.0, ignored);
  sum[row] = joined;
}`,
)}`,
  });
}
