import { defineKernel, type Kernel } from "./kernel.ts";
import {
  eachIndex,
  type MapParams,
  mapLabel,
  type RowTeamParams,
  rowMain,
  rowUniforms,
  teamLabel,
} from "./row-kernel.ts";
import { teamFeatures, teamReductions } from "./target.ts";

/** Logits that a lane takes at a time: one rescaling of its sum serves all of them. */
const BLOCK = 8;
/** Below every finite logit; exp(LOWEST - x) is 0 and never NaN. */
const LOWEST = "-3.4028234e38";

/**
 * losses[t] = log sum_v exp(logits_tv) - logits_t,target, lse[t] = log sum_v exp(logits_tv); both 0 where the target is
 * below 0. logits [T, V], targets [T] i32, losses and lse [T].
 *
 * One pass: each lane keeps the maximum m so far and s = sum exp(logit - m), rescaled when the maximum grows; at the end
 * the team joins its lanes' pairs. A NaN logit makes the loss NaN through exp.
 */
export function crossEntropyWgsl({ team }: RowTeamParams): Kernel {
  const lanes = team.size;
  const block = Array.from({ length: BLOCK }, (_, j) => j);
  const pairwise = (terms: readonly string[], join: (a: string, b: string) => string): string =>
    terms.length === 1
      ? terms[0]!
      : pairwise(
          terms.flatMap((a, i) => (i % 2 === 0 ? [join(a, terms[i + 1]!)] : [])),
          join,
        );
  return defineKernel({
    label: `crossEntropy ${teamLabel({ team })}`,
    uniforms: { ...rowUniforms, V: "u32" },
    reads: { logits: "f32", targets: "i32" },
    writes: { losses: "f32", lse: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
${rowMain(
  lanes,
  `let start = row * u.V;
let label = targets[row];
let ignored = label < 0;
let count = select(u.V, 0u, ignored);
var m = ${LOWEST};
var s = 0.0;
let whole = count / ${lanes * BLOCK}u * ${lanes * BLOCK}u;
for (var base = lane; base < whole; base += ${lanes * BLOCK}u) {
${block.map((j) => `  let x${j} = logits[start + base + ${j * lanes}u];`).join("\n")}
  let top = max(m, ${pairwise(
    block.map((j) => `x${j}`),
    (a, b) => `max(${a}, ${b})`,
  )});
  s = s * exp(m - top) + ${pairwise(
    block.map((j) => `exp(x${j} - top)`),
    (a, b) => `(${a} + ${b})`,
  )};
  m = top;
}
for (var i = whole + lane; i < count; i += ${lanes}u) {
  let x = logits[start + i];
  let top = max(m, x);
  s = s * exp(m - top) + exp(x - top);
  m = top;
}
let top = teamMax(m, lane);
let logSum = log(teamSum(s * exp(m - top), lane));
if (lane == 0u) {
  let own = logits[start + u32(max(label, 0))];
  losses[row] = select((top - own) + logSum, 0.0, ignored);
  lse[row] = select(top + logSum, 0.0, ignored);
}`,
)}`,
  });
}

/** loss[0] = factor sum_t losses[t]. One workgroup; the order of the sum is fixed. */
export function sumLossesWgsl({ team }: RowTeamParams): Kernel {
  const lanes = team.size;
  return defineKernel({
    label: `crossEntropy sum ${teamLabel({ team })}`,
    uniforms: { T: "u32", factor: "f32" },
    reads: { losses: "f32" },
    writes: { loss: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var t = lane; t < u.T; t += ${lanes}u) { sum += losses[t]; }
  let total = teamSum(sum, lane);
  if (lane == 0u) { loss[0] = u.factor * total; }
}`,
  });
}

/** logits := (softmax(logits) - onehot(target)) factor dloss[0], 0 in ignored rows; in place. logits [T, V], lse [T]. */
export function crossEntropyGradientWgsl(params: MapParams): Kernel {
  const { lanes } = params;
  return defineKernel({
    label: `crossEntropy dlogits ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, V: "u32", factor: "f32" },
    reads: { targets: "i32", lse: "f32", dloss: "f32" },
    writes: { logits: "f32" },
    body: rowMain(
      lanes,
      `let start = row * u.V;
let label = targets[row];
let own = start + u32(max(label, 0));
let shift = lse[row];
let factor = u.factor * dloss[0];
let computed = select(u.V, 0u, label < 0);
${eachIndex(
  lanes,
  "start",
  "start + computed",
  (i) => `logits[${i}] = (exp(logits[${i}] - shift) - select(0.0, 1.0, ${i} == own)) * factor;`,
)}
${eachIndex(lanes, "start + computed", "start + u.V", (i) => `logits[${i}] = 0.0;`)}`,
    ),
  });
}
