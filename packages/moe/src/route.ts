import { ConfigError } from "@ds3/errors";
import { dims, flatGrid, record, type Tensor, teamOf } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { routeBackwardWgsl, routeWgsl } from "./route.wgsl.ts";
import type { RouterConfig } from "./types.ts";

/** How `route` chooses; the number of experts is that of the logits. */
export type RouteOptions = Omit<RouterConfig, "nRoutedExperts">;

/** The router's decision for T tokens. */
export interface Routing {
  /** u32 [T, K]: chosen experts, best choice first. */
  readonly indices: Tensor;
  /** f32 [T, K]: how much each chosen expert weighs. */
  readonly weights: Tensor;
  /** f32 [T, E]: sigmoid affinities without the bias. */
  readonly scores: Tensor;
  /** f32 [T, nGroup]: sum of a group's two best biased affinities; without a gradient. */
  readonly groupScores: Tensor;
}

/**
 * Picks `numExpertsPerTok` experts per token by biased affinity, out of the `topkGroup` best groups.
 *
 * logits f32 [T, E], bias f32 [E]. The bias decides who is chosen, never how much they weigh (DeepSeek-V3 report,
 * Eq. 12-16): weights come from the unbiased scores, divided by their sum + 1e-20 if `normTopkProb`, times
 * `routedScalingFactor`. Experts of other groups cannot be chosen, whatever the sign of the scores; ties go to the smaller
 * index. Differentiable in the logits through `weights` and `scores`; the bias has no gradient.
 * Accepts any T >= 0 and E. Cost: one dispatch forward, one backward; no read-back.
 * @throws ShapeError when bias is not [E]; DtypeError when an operand is not f32; ConfigError when the groups do not divide E or hold fewer than K experts.
 */
export function route(logits: Tensor, bias: Tensor, options: RouteOptions): Routing {
  const { T, E } = dims("route", { logits: "T E", bias: "E" }, { logits, bias });
  assertDtype("route", "f32", { logits, bias });
  assertRouter({ ...options, nRoutedExperts: E }, "route");
  const { nGroup, topkGroup, numExpertsPerTok: K, normTopkProb, routedScalingFactor: factor } = options;
  const { gpu } = logits;
  const indices = gpu.empty([T, K], "u32", "moe indices");
  const weights = gpu.empty([T, K], "f32", "moe weights");
  const scores = gpu.empty([T, E], "f32", "moe scores");
  const groupScores = gpu.empty([T, nGroup], "f32", "moe group scores");
  const kernel = routeWgsl({ team: teamOf(gpu.target), E, K, nGroup });
  const normalise = normTopkProb ? 1 : 0;
  const operands = { logits, bias, indices, weights, scores, groupScores };
  gpu.dispatch(kernel, operands, { T, K, nGroup, topkGroup, normalise, factor }, flatGrid(T, 1));
  record(gpu, {
    label: "route",
    inputs: [logits],
    outputs: [weights, scores],
    saved: [indices, scores],
    backward: ([gradWeights, gradScores], sink) => {
      const given = (gradWeights ? 1 : 0) + (gradScores ? 2 : 0);
      // A kernel binds all its operands: `scores` stands in for a gradient that did not come, unread.
      const reads = { indices, scores, gradWeights: gradWeights ?? scores, gradScores: gradScores ?? scores };
      sink.into(logits, (gradLogits, accumulate) => {
        const uniforms = { T, E, K, normalise, factor, given, accumulate: accumulate ? 1 : 0 };
        gpu.dispatch(routeBackwardWgsl(teamOf(gpu.target)), { ...reads, gradLogits }, uniforms, flatGrid(T, 1));
      });
    },
  });
  return { indices, weights, scores, groupScores };
}

/** Refuses sizes that contradict each other. @throws ConfigError naming the key and what it may be. */
export function assertRouter(config: RouterConfig, op: string): void {
  const { nRoutedExperts: E, numExpertsPerTok: K, nGroup, topkGroup } = config;
  const within = (key: string, value: number, most: number, why: string): void => {
    if (Number.isInteger(value) && value >= 1 && value <= most) return;
    throw new ConfigError({ op, operand: key, expected: `an integer from 1 to ${most} (${why})`, actual: `${value}` });
  };
  within("nGroup", nGroup, E, "nRoutedExperts");
  within("topkGroup", topkGroup, nGroup, "nGroup");
  if (E % nGroup !== 0) {
    throw new ConfigError({ op, operand: "nGroup", expected: `a divisor of nRoutedExperts ${E}`, actual: `${nGroup}` });
  }
  within("numExpertsPerTok", K, (topkGroup * E) / nGroup, "experts in topkGroup groups");
}
