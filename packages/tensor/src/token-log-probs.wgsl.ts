import { defineKernel, type Kernel } from "./kernel.ts";
import {
  eachIndex,
  elementOf,
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
/** No finite logit is below it, and LOWEST - x is never NaN. */
const LOWEST = "-3.4028234e38";

/**
 * With x = logits inverse, inverse = 1 / temperature: lse[t] = log sum_v exp(x_tv) and logProbs[t] = x_t,target - lse[t];
 * both 0 where the target is below 0. logits [T, V], targets [T] i32, logProbs and lse [T].
 *
 * One pass: each lane keeps the largest logit m so far and s = sum exp((logit - m) inverse), rescaled when m grows; at
 * the end the team joins its lanes' pairs. A NaN logit makes the result NaN through exp.
 */
export function tokenLogProbsWgsl({ team }: RowTeamParams): Kernel {
  const lanes = team.size;
  return defineKernel({
    label: `tokenLogProbs ${teamLabel({ team })}`,
    uniforms: { ...rowUniforms, V: "u32", inverse: "f32" },
    reads: { logits: "f32", targets: "i32" },
    writes: { logProbs: "f32", lse: "f32" },
    enable: teamFeatures(team),
    body: `${teamReductions(team)}
${rowMain(
  lanes,
  `let start = row * u.V;
let label = targets[row];
let ignored = label < 0;
${rowSum(lanes)}
let logSum = log(total);
if (lane == 0u) {
  let own = logits[start + u32(max(label, 0))];
  logProbs[row] = select((own - top) * u.inverse - logSum, 0.0, ignored);
  lse[row] = select(top * u.inverse + logSum, 0.0, ignored);
}`,
)}`,
  });
}

/**
 * WGSL that gives `top`, the largest of the logits from `start` on, and `total` = sum exp((logit - top) inverse) over the
 * `u.V` of them, both none's where the row is `ignored`.
 */
export function rowSum(lanes: number): string {
  const block = Array.from({ length: BLOCK }, (_, j) => j);
  const pairwise = (terms: readonly string[], join: (a: string, b: string) => string): string =>
    terms.length === 1
      ? terms[0]!
      : pairwise(
          terms.flatMap((a, i) => (i % 2 === 0 ? [join(a, terms[i + 1]!)] : [])),
          join,
        );
  return `let count = select(u.V, 0u, ignored);
var m = ${LOWEST};
var s = 0.0;
let whole = count / ${lanes * BLOCK}u * ${lanes * BLOCK}u;
for (var base = lane; base < whole; base += ${lanes * BLOCK}u) {
${block.map((j) => `  let x${j} = logits[start + base + ${j * lanes}u];`).join("\n")}
  let top = max(m, ${pairwise(
    block.map((j) => `x${j}`),
    (a, b) => `max(${a}, ${b})`,
  )});
  s = s * exp((m - top) * u.inverse) + ${pairwise(
    block.map((j) => `exp((x${j} - top) * u.inverse)`),
    (a, b) => `(${a} + ${b})`,
  )};
  m = top;
}
for (var i = whole + lane; i < count; i += ${lanes}u) {
  let x = logits[start + i];
  let top = max(m, x);
  s = s * exp((m - top) * u.inverse) + exp((x - top) * u.inverse);
  m = top;
}
let top = teamMax(m, lane);
let total = teamSum(s * exp((m - top) * u.inverse), lane);`;
}

/** Parameters of the gradient's kernel. */
export interface TokenLogProbsGradientParams extends MapParams {
  /** Rows have weights. */
  readonly weighted?: boolean;
}

/**
 * logits_t := (onehot(target_t) - exp(logits_t inverse - lse_t)) factor dlogProbs[t stride], 0 in ignored rows; in place.
 * logits [T, V] of the ids from `first` on, V in elements of the buffer; lse [T], dlogProbs [T] with stride 1, or [1] with
 * stride 0. A row's factor is times weights[t], too, where rows have weights [T].
 */
export function tokenLogProbsGradientWgsl(params: TokenLogProbsGradientParams): Kernel {
  const { lanes, vectors = false, weighted = false } = params;
  const type = elementOf(params);
  const isOwn = vectors
    ? (i: string): string => `vec4u(4u * (${i} - start)) + vec4u(0u, 1u, 2u, 3u) == vec4u(own)`
    : (i: string): string => `${i} - start == own`;
  const onehot = (i: string): string => `select(${type}(), ${type}(1.0), ${isOwn(i)})`;
  return defineKernel({
    label: `tokenLogProbs dlogits${weighted ? " weighted" : ""} ${mapLabel(params)}`,
    uniforms: { ...rowUniforms, V: "u32", first: "u32", inverse: "f32", factor: "f32", stride: "u32" },
    reads: { targets: "i32", lse: "f32", dlogProbs: "f32", ...(weighted ? { weights: "f32" } : {}) },
    writes: { logits: type },
    body: rowMain(
      lanes,
      `let start = row * u.V;
let label = targets[row];
// Of a target below \`first\` or behind the last id it lies, modulo 2^32, outside the row.
let own = u32(max(label, 0)) - u.first;
let shift = lse[row];
let factor = u.factor * dlogProbs[row * u.stride]${weighted ? " * weights[row]" : ""};
let computed = select(u.V, 0u, label < 0);
${eachIndex(
  lanes,
  "start",
  "start + computed",
  (i) => `logits[${i}] = (${onehot(i)} - exp(logits[${i}] * u.inverse - shift)) * factor;`,
)}
${eachIndex(lanes, "start + computed", "start + u.V", (i) => `logits[${i}] = ${type}();`)}`,
    ),
  });
}
