/*
 * The loss of group relative policy optimisation over ragged completions: R tokens, N completions one after the other.
 *
 *   ratio r = exp(policy - old) of a token, or exp of a completion's mean log-ratio
 *   surrogate = min(r A, clip(r, 1 - epsilonLow, 1 + epsilonHigh) A)          DeepSeekMath Eq. 3; two epsilons: DAPO Eq. 8
 *   k3 = exp(reference - policy) - (reference - policy) - 1                    DeepSeekMath Eq. 4
 *   loss = sum over completions of weight x sum over their tokens of (beta k3 - surrogate)
 *
 * The variants differ in the weight alone (see GrpoLossName). Forward knows the whole gradient, so it stores it, and backward
 * only scales it. A completion's ratio (GSPO Eq. 7) is the same for its tokens, so its gradient by each token's log-prob
 * is weight x r A / tokens, once for each token: the same formula as with a ratio for each token.
 */
import { ConfigError, didYouMean, OutOfRangeError, ShapeError } from "@ds3/errors";
import { dims, flatGrid, record, type Tensor, teamOf } from "@ds3/tensor";
import { COMPLETION_SUMS, grpoFiguresWgsl, grpoLossWgsl, TOKEN_VALUES } from "./grpo-loss.wgsl.ts";
import { scaleStored } from "./scale-stored.ts";
import { GRPO_LOSSES, type GrpoLossName, type RatioLevel } from "./types.ts";

/** What the loss is taken over, and how. */
export interface GrpoLossOptions {
  /** [N + 1] index of each completion's first token, from 0, rising; the last one is R. Equal neighbours: no tokens. */
  readonly starts: Int32Array;
  /** [N] one for each completion; see `groupAdvantages`. */
  readonly advantages: ArrayLike<number>;
  /** [R] log-probs of the tokens under the policy that drew them. */
  readonly oldLogProbs: Float32Array;
  /** [R] log-probs under the reference policy; needed when beta is above 0. */
  readonly referenceLogProbs?: Float32Array | undefined;
  readonly loss: GrpoLossName;
  /** Default `token`. */
  readonly ratio?: RatioLevel;
  /** Default 0.2. */
  readonly epsilonLow?: number;
  /** Default: epsilonLow. */
  readonly epsilonHigh?: number;
  /** Weight of the KL term. Default 0. */
  readonly beta?: number;
  /** The most tokens that a completion may have: `dr_grpo` divides by it. */
  readonly maxTokens?: number;
  /**
   * Completions and tokens of all micro-batches of the optimiser step, when their losses are added up: `grpo` and `dr_grpo`
   * divide by the completions, `dapo` by the tokens. Default: those of this call.
   */
  readonly denominators?: { readonly completions: number; readonly tokens: number };
}

/** The loss, and what it is made of. Only `loss` is differentiable. */
export interface GrpoLossOutput {
  /** [1] to minimise. */
  readonly loss: Tensor;
  /** [R] exp(policy - old). */
  readonly ratio: Tensor;
  /** [R] k3; zeros without a reference. */
  readonly kl: Tensor;
  /** [R] */
  readonly surrogate: Tensor;
  /** [R] 1 where the clipped branch is taken, which has no gradient. */
  readonly clipped: Tensor;
  /** [1] mean over the tokens. */
  readonly meanKl: Tensor;
  /** [1] */
  readonly clipFraction: Tensor;
  /** [1] */
  readonly meanRatio: Tensor;
}

/**
 * GRPO's loss [1] for log-probs [R] f32 of the completions' tokens under the policy, differentiable in them. Without
 * tokens the loss is 0 and has no gradient. Cost: two dispatches forward, one backward; nothing is read back.
 *
 * @throws ShapeError when lengths do not fit; OutOfRangeError for `starts`, an epsilon, beta, `maxTokens` or a denominator
 * out of range; ConfigError for an unknown loss or ratio, or beta without `referenceLogProbs`.
 */
export function grpoLoss(logProbs: Tensor, options: GrpoLossOptions): GrpoLossOutput {
  const { R, N } = checkOptions(logProbs, options);
  const { gpu } = logProbs;
  if (R === 0) return emptyOutput(logProbs);
  const { epsilonLow = 0.2, epsilonHigh = epsilonLow, beta = 0, referenceLogProbs } = options;
  const team = teamOf(gpu.target);
  const old = gpu.tensor(options.oldLogProbs, [R], "f32", "old log-probs");
  const reference = referenceLogProbs ? gpu.tensor(referenceLogProbs, [R], "f32", "reference log-probs") : old;
  const starts = gpu.tensor(options.starts, [N + 1], "u32", "completion starts");
  const completions = gpu.tensor(tableOf(options, R), [N, 2], "f32", "advantages and weights");
  const tokens = gpu.empty([TOKEN_VALUES, R], "f32", "grpo tokens");
  const gradient = gpu.empty([R], "f32", "grpo gradient");
  const sums = gpu.empty([N, COMPLETION_SUMS], "f32", "grpo sums");
  const flags = { isSequence: options.ratio === "sequence" ? 1 : 0, hasReference: referenceLogProbs ? 1 : 0 };
  const uniforms = { N, R, ...flags, low: 1 - epsilonLow, high: 1 + epsilonHigh, beta };
  const operands = { logProbs, old, reference, starts, completions, tokens, gradient, sums };
  gpu.dispatch(grpoLossWgsl(team), operands, uniforms, flatGrid(N, 1));
  const loss = gpu.empty([1], "f32", "grpo loss");
  const figures = gpu.empty([3], "f32", "grpo figures");
  gpu.dispatch(grpoFiguresWgsl(team), { sums, loss, figures }, { N, R }, [1]);
  record(gpu, {
    label: "grpoLoss",
    inputs: [logProbs],
    outputs: [loss],
    saved: [gradient],
    backward: ([gradLoss], sink) => scaleStored(sink, logProbs, gradient, gradLoss!),
  });
  return outputOf(loss, tokens, figures);
}

function outputOf(loss: Tensor, tokens: Tensor, figures: Tensor): GrpoLossOutput {
  const [ratio, kl, surrogate, clipped] = [0, 1, 2, 3].map((i) => tokens.slice(i, i + 1).reshape([-1])) as Four;
  const [meanKl, clipFraction, meanRatio] = [0, 1, 2].map((i) => figures.slice(i, i + 1)) as Three;
  return { loss, ratio, kl, surrogate, clipped, meanKl, clipFraction, meanRatio };
}

type Three = [Tensor, Tensor, Tensor];
type Four = [Tensor, Tensor, Tensor, Tensor];

function emptyOutput(logProbs: Tensor): GrpoLossOutput {
  const { gpu } = logProbs;
  const none = { ratio: logProbs, kl: logProbs, surrogate: logProbs, clipped: logProbs };
  const zero = {
    loss: gpu.zeros([1]),
    meanKl: gpu.zeros([1]),
    clipFraction: gpu.zeros([1]),
    meanRatio: gpu.zeros([1]),
  };
  return { ...none, ...zero };
}

/** [N, 2] advantage and weight of each completion. */
function tableOf(options: GrpoLossOptions, R: number): Float32Array {
  const { starts, advantages } = options;
  const table = new Float32Array(2 * advantages.length);
  for (let n = 0; n < advantages.length; n++) {
    table[2 * n] = advantages[n]!;
    table[2 * n + 1] = weightOf(options, R, starts[n + 1]! - starts[n]!);
  }
  return table;
}

function weightOf({ loss, maxTokens, advantages, denominators }: GrpoLossOptions, R: number, tokens: number): number {
  const of = denominators ?? { completions: advantages.length, tokens: R };
  if (loss === "grpo") return tokens === 0 ? 0 : 1 / (tokens * of.completions);
  if (loss === "dr_grpo") return 1 / (of.completions * maxTokens!);
  return 1 / (loss === "dapo" ? of.tokens : R);
}

function checkOptions(logProbs: Tensor, options: GrpoLossOptions): { readonly R: number; readonly N: number } {
  const { starts, advantages, oldLogProbs, referenceLogProbs = oldLogProbs } = options;
  checkNames(options);
  checkNumbers(options);
  const vector = ({ length }: ArrayLike<number>): { shape: readonly number[] } => ({ shape: [length] });
  const N = advantages.length;
  const { R } = dims(
    "grpoLoss",
    { logProbs: "R", oldLogProbs: "R", referenceLogProbs: "R" },
    { logProbs, oldLogProbs: vector(oldLogProbs), referenceLogProbs: vector(referenceLogProbs) },
  );
  if (starts.length !== N + 1) {
    const expected = `[N + 1 = ${N + 1}], one more than there are advantages`;
    throw new ShapeError({ op: "grpoLoss", operand: "starts", expected, actual: `[${starts.length}]` });
  }
  const isRising = starts.every((start, n) => n === 0 || start >= starts[n - 1]!);
  if (isRising && starts[0] === 0 && starts[N] === R) return { R, N };
  const expected = `rising indices from 0 to R = ${R}`;
  throw new OutOfRangeError({ op: "grpoLoss", operand: "starts", expected, actual: `${starts}` });
}

function checkNames({ loss, ratio = "token", beta = 0, referenceLogProbs }: GrpoLossOptions): void {
  const known = (operand: string, value: string, names: readonly string[]): void => {
    if (names.includes(value)) return;
    const hint = didYouMean(value, names);
    throw new ConfigError({ op: "grpoLoss", operand, expected: names.join(", "), actual: `"${value}"`, hint });
  };
  known("loss", loss, GRPO_LOSSES);
  known("ratio", ratio, ["token", "sequence"]);
  if (beta === 0 || referenceLogProbs) return;
  const expected = "log-probs of the reference policy, because beta is above 0";
  throw new ConfigError({ op: "grpoLoss", operand: "referenceLogProbs", expected, actual: "none" });
}

function checkNumbers(options: GrpoLossOptions): void {
  const { loss, epsilonLow = 0.2, epsilonHigh = epsilonLow, beta = 0, maxTokens, denominators } = options;
  const require = (operand: string, value: number, holds: boolean, expected: string): void => {
    if (holds) return;
    throw new OutOfRangeError({ op: "grpoLoss", operand, expected, actual: `${value}` });
  };
  const finite = (operand: string, value: number): void =>
    require(operand, value, value >= 0 && value < Number.POSITIVE_INFINITY, "a number >= 0");
  finite("epsilonLow", epsilonLow);
  finite("epsilonHigh", epsilonHigh);
  finite("beta", beta);
  if (loss === "dr_grpo") require("maxTokens", maxTokens ?? 0, (maxTokens ?? 0) > 0, "a number above 0, for dr_grpo");
  for (const [operand, value] of Object.entries(denominators ?? {})) {
    require(`denominators.${operand}`, value, value > 0, "a number above 0");
  }
}
