import { ConfigError, ShapeError } from "@ds3/errors";
import { dims, flatGrid, record, type Tensor, teamOf } from "@ds3/tensor";
import { assertDtype } from "./assert-dtype.ts";
import { balanceLossBackwardWgsl, expertSharesWgsl, normaliseScoresWgsl, scaledSumWgsl } from "./balance-loss.wgsl.ts";
import type { BalanceTopk } from "./types.ts";

/** What the balance loss is taken over. */
export interface BalanceLossOptions {
  /** Sequences of equal length that the tokens are made of, one after the other. */
  readonly sequences: number;
  /** alpha; DeepSeek-V3 trains with 1e-4. */
  readonly balanceLossWeight: number;
  readonly balanceTopk: BalanceTopk;
}

/**
 * Sequence-wise balance loss (DeepSeek-V3 report, Eq. 17-20), averaged over sequences: alpha sum_i f_i P_i with
 * f_i = E / (K L) * (times i was chosen) and P_i the mean over the sequence's L tokens of s_i / sum_j s_j.
 *
 * scores f32 [T, E] and indices u32 [T, K] from `route`; returns a scalar []. `literal` counts the K largest unbiased
 * scores, as Eq. 18 is written; `selected` counts `indices`. f is a count and carries no gradient; the loss is
 * differentiable in `scores`. Cost: three small dispatches forward, one backward.
 * @throws ShapeError when the sequences do not divide T; ConfigError for another `balanceTopk`.
 */
export function balanceLoss(scores: Tensor, indices: Tensor, options: BalanceLossOptions): Tensor {
  const { T, E, K } = dims("balanceLoss", { scores: "T E", indices: "T K" }, { scores, indices });
  assertDtype("balanceLoss", "f32", { scores });
  assertDtype("balanceLoss", "u32", { indices });
  const { sequences: B, balanceLossWeight } = options;
  const literal = isLiteral(options.balanceTopk);
  const L = lengthOf(T, B);
  const { gpu } = scores;
  const team = teamOf(gpu.target);
  const inverse = gpu.empty([T], "f32", "balance inverse");
  const own = gpu.empty(literal ? [T, K] : [1], "u32", "balance indices");
  const f = gpu.empty([B, E], "f32", "balance f");
  const products = gpu.empty([B, E], "f32", "balance products");
  const loss = gpu.empty([], "f32", "balance loss");
  const normalise = normaliseScoresWgsl({ team, E, K });
  gpu.dispatch(normalise, { scores, inverse, indices: own }, { T, K, literal: literal ? 1 : 0 }, flatGrid(T, 1));
  const counted = literal ? own : indices;
  gpu.dispatch(expertSharesWgsl(team), { scores, inverse, indices: counted, f, products }, { L, E, K }, [E, B]);
  gpu.dispatch(scaledSumWgsl(team), { values: products, loss }, { count: B * E, scale: balanceLossWeight / B }, [1]);
  record(gpu, {
    label: "balanceLoss",
    inputs: [scores],
    outputs: [loss],
    saved: [scores, inverse, f],
    backward: ([gradLoss], sink) => {
      sink.into(scores, (gradScores, accumulate) => {
        const uniforms = { T, L, E, scale: balanceLossWeight / T, accumulate: accumulate ? 1 : 0 };
        const operands = { scores, inverse, f, gradLoss: gradLoss!, gradScores };
        gpu.dispatch(balanceLossBackwardWgsl(team), operands, uniforms, flatGrid(T, 1));
      });
    },
  });
  return loss;
}

function isLiteral(balanceTopk: BalanceTopk): boolean {
  if (balanceTopk === "literal" || balanceTopk === "selected") return balanceTopk === "literal";
  const expected = `"literal" or "selected"`;
  throw new ConfigError({ op: "balanceLoss", operand: "balanceTopk", expected, actual: `${balanceTopk}` });
}

function lengthOf(T: number, sequences: number): number {
  if (Number.isInteger(sequences) && sequences >= 1 && T % sequences === 0) return T / sequences;
  const expected = `${sequences} sequences of equal length`;
  throw new ShapeError({ op: "balanceLoss", operand: "scores", expected, actual: `${T} tokens` });
}
