/*
 * Preference losses of P pairs from ragged log-probs: two small dispatches forward (sums of sequences; the loss with its
 * derivative for every sum), one more where values are matched by rank, and two backward.
 */
import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { dims, flatGrid, type Gpu, record, type Tensor, teamOf } from "@ds3/tensor";
import { dpoLossWgsl, isMatched, RANK_LANES, rankPairsWgsl, scaleGradientsWgsl } from "./dpo-loss.wgsl.ts";
import { resolveDpoSettings } from "./dpo-settings.ts";
import { sumSequences } from "./sum-sequences.ts";
import type { DpoLossSettings } from "./types.ts";

/** Where the pairs' sequences are, what the reference says of them, and which loss. */
export interface DpoLossOptions extends DpoLossSettings {
  /** First log-prob of each sequence, and the number of all: 2P + 1 entries, from 0, never falling. */
  readonly starts: Int32Array;
  /**
   * [2P] which sequence is the chosen completion of each pair (P), then which the rejected one (P). Default: in that
   * order already.
   */
  readonly sequences?: Int32Array;
  /** f32 [2P] summed log-probs under the reference: chosen of all pairs, then rejected. Carries no gradient. */
  readonly referenceLogProbs: Tensor;
}

/** The loss, and figures that come with it; only `loss` carries a gradient. */
export interface DpoLossOutput {
  /** [1] mean over the pairs, and `nllWeight` times `nll`. */
  readonly loss: Tensor;
  /** [1] mean of chosen reward - rejected reward. */
  readonly margin: Tensor;
  /** [1] share of pairs whose chosen reward is the larger one. */
  readonly accuracy: Tensor;
  /** [1] mean over the pairs. */
  readonly chosenReward: Tensor;
  /** [1] mean over the pairs. */
  readonly rejectedReward: Tensor;
  /** [1] mean of - log pi over all chosen tokens. */
  readonly nll: Tensor;
  /** [2P] beta log(policy / reference) of each sequence: chosen of all pairs, then rejected. */
  readonly rewards: Tensor;
  /** [2P] summed log-prob of each sequence, in the order of `starts`. */
  readonly sequenceLogProbs: Tensor;
}

/**
 * Preference loss of log-probs f32 [R]: the completion tokens of 2P sequences one after the other.
 *
 * With r = log(policy / reference) of a completion, summed over its tokens, `sigmoid` is DPO (Rafailov et al. 2023,
 * eq. 7): -log sigmoid(beta (r_chosen - r_rejected)); the equations of the others are in `dpo-loss.ref.ts`. `ipo` and
 * `sigmoid_norm` divide r by the number of tokens. A completion without tokens has log-prob 0, and length 1 there.
 * `nllWeight` times the mean of - log pi over all chosen tokens is added. `aot` and `aot_unpaired` compare sorted values across the batch: P^2 steps, spread over P invocations.
 *
 * Differs from TRL: its `sigmoid` ignores label smoothing, here it gives conservative DPO, (1 - e) L(d) + e L(-d); its
 * losses without smoothing ignore it too, here they refuse it.
 * @throws ShapeError, DtypeError, OutOfRangeError naming the operand; ConfigError, OutOfRangeError for settings.
 */
export function dpoLoss(logProbs: Tensor, options: DpoLossOptions): DpoLossOutput {
  const settings = resolveDpoSettings(options);
  const { starts, referenceLogProbs: reference } = options;
  const P = checkPairs(starts, reference);
  const { gpu } = logProbs;
  const places = placesOf(starts, options.sequences, P);
  const sums = sumSequences(logProbs, starts);
  const uploaded = gpu.tensor(places, [4, P], "i32", "dpo places");
  const gradients = gpu.empty([2 * P], "f32", "dpo gradients");
  const rewards = gpu.empty([2 * P], "f32", "dpo rewards");
  const mean = gpu.empty([1], "f32", "dpo loss");
  const figures = gpu.empty([5], "f32", "dpo figures");
  const operands = { sums, reference, places: uploaded };
  const order = isMatched(settings.loss) ? { order: rankPairs(gpu, settings.loss, operands, P) } : {};
  const outputs = { gradients, rewards, mean, figures };
  const kernel = dpoLossWgsl({ team: teamOf(gpu.target), loss: settings.loss });
  gpu.dispatch(kernel, { ...operands, ...order, ...outputs }, uniformsOf(settings, places), [1]);
  recordLoss(gpu, sums, mean, gradients);
  const figure = (i: number): Tensor => figures.slice(i, i + 1);
  return {
    ...{ loss: mean, margin: figure(0), accuracy: figure(1), chosenReward: figure(2), rejectedReward: figure(3) },
    ...{ nll: figure(4), rewards, sequenceLogProbs: sums },
  };
}

function rankPairs(
  gpu: Gpu,
  loss: "aot" | "aot_unpaired",
  operands: Readonly<Record<string, Tensor>>,
  P: number,
): Tensor {
  const order = gpu.empty([2 * P], "u32", "dpo order");
  gpu.dispatch(rankPairsWgsl(loss), { ...operands, order }, { P }, flatGrid(P, RANK_LANES));
  return order;
}

function recordLoss(gpu: Gpu, sums: Tensor, loss: Tensor, gradients: Tensor): void {
  record(gpu, {
    label: "dpoLoss",
    inputs: [sums],
    outputs: [loss],
    saved: [gradients],
    backward: ([gradLoss], sink) => {
      sink.into(sums, (gradSums, accumulate) => {
        const uniforms = { N: sums.size, accumulate: accumulate ? 1 : 0 };
        const operands = { gradients, gradLoss: gradLoss!, gradSums };
        gpu.dispatch(scaleGradientsWgsl(), operands, uniforms, flatGrid(sums.size, RANK_LANES));
      });
    },
  });
}

function uniformsOf(settings: Required<DpoLossSettings>, places: Int32Array): Record<string, number> {
  const { beta, labelSmoothing: flip, nllWeight } = settings;
  const P = places.length / 4;
  const chosenTokens = places.subarray(2 * P, 3 * P).reduce((sum, length) => sum + length, 0);
  const logFlip = flip > 0 ? Math.log(flip) : 0;
  const smoothing = { keep: 1 - flip, flip, logKeep: Math.log1p(-flip), logFlip };
  return { P, beta, ...smoothing, nllWeight, chosenTokens };
}

/** Number of pairs. */
function checkPairs(starts: Int32Array, reference: Tensor): number {
  const N = starts.length - 1;
  if (N < 2 || N % 2 !== 0) {
    const expected = "2P + 1 entries for P >= 1 pairs";
    throw new ShapeError({ op: "dpoLoss", operand: "starts", expected, actual: `${starts.length}` });
  }
  if (reference.dtype !== "f32") {
    throw new DtypeError({ op: "dpoLoss", operand: "referenceLogProbs", expected: "f32", actual: `${reference}` });
  }
  dims("dpoLoss", { starts: "N", referenceLogProbs: "N" }, { starts: { shape: [N] }, referenceLogProbs: reference });
  return N / 2;
}

/** Sequence of each slot (chosen of all pairs, then rejected), then its length, at least 1. */
function placesOf(starts: Int32Array, sequences: Int32Array | undefined, P: number): Int32Array {
  const slots = sequences ?? Int32Array.from({ length: 2 * P }, (_, slot) => slot);
  checkSequences(slots, 2 * P);
  const places = new Int32Array(4 * P);
  places.set(slots);
  for (const [slot, n] of slots.entries()) places[2 * P + slot] = Math.max(1, starts[n + 1]! - starts[n]!);
  return places;
}

function checkSequences(slots: Int32Array, N: number): void {
  const op = "dpoLoss";
  if (slots.length !== N) {
    throw new ShapeError({ op, operand: "sequences", expected: `[${N}]`, actual: `[${slots.length}]` });
  }
  const seen = new Set<number>();
  for (const [slot, n] of slots.entries()) {
    if (n < 0 || n >= N || seen.has(n)) {
      const expected = `each of 0 to ${N - 1} once`;
      throw new OutOfRangeError({ op, operand: `sequences[${slot}]`, expected, actual: `${n}` });
    }
    seen.add(n);
  }
}
