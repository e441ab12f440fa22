import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { dims, record, type Tensor, teamOf } from "@ds3/tensor";
import { bradleyTerryWgsl } from "./bradley-terry-loss.wgsl.ts";
import { scaleStored } from "./scale-stored.ts";

/** The loss of a reward model on preference pairs. Only `loss` is differentiable. */
export interface BradleyTerryOutput {
  /** [1] mean of -log sigmoid(chosen - rejected), in nats. */
  readonly loss: Tensor;
  /** [1] share of pairs whose chosen answer has the higher score. */
  readonly accuracy: Tensor;
  /** [1] mean of chosen - rejected. */
  readonly margin: Tensor;
}

/**
 * Bradley-Terry's loss of scores [2 P] f32, P >= 1: -log sigmoid(chosen - rejected), the mean over pairs (Ouyang et al. 2022,
 * arXiv 2203.02155, Eq. 1 with two answers). pairs [P x 2]: where in `scores` each pair's chosen and rejected score is; every
 * score belongs to one pair. Cost: one dispatch each way.
 *
 * @throws ShapeError when there is no pair or not two scores for each; OutOfRangeError when `pairs` does not name each score once.
 */
export function bradleyTerryLoss(scores: Tensor, pairs: Uint32Array): BradleyTerryOutput {
  const { S } = dims("bradleyTerryLoss", { pairs: "S", scores: "S" }, { pairs: { shape: [pairs.length] }, scores });
  checkPairs(pairs);
  const P = S / 2;
  const { gpu } = scores;
  const table = gpu.tensor(pairs, [P, 2], "u32", "preference pairs");
  const loss = gpu.empty([1], "f32", "bradleyTerry loss");
  const figures = gpu.empty([2], "f32", "bradleyTerry figures");
  const gradient = gpu.empty([S], "f32", "bradleyTerry gradient");
  const operands = { scores, pairs: table, loss, figures, gradient };
  gpu.dispatch(bradleyTerryWgsl(teamOf(gpu.target)), operands, { P }, [1]);
  record(gpu, {
    label: "bradleyTerryLoss",
    inputs: [scores],
    outputs: [loss],
    saved: [gradient],
    backward: ([gradLoss], sink) => scaleStored(sink, scores, gradient, gradLoss!),
  });
  return { loss, accuracy: figures.slice(0, 1), margin: figures.slice(1, 2) };
}

function checkPairs(pairs: Uint32Array): void {
  const S = pairs.length;
  if (S === 0 || S % 2 === 1) {
    const expected = "two scores a pair, at least one pair";
    throw new ShapeError({ op: "bradleyTerryLoss", operand: "pairs", expected, actual: `${S} scores` });
  }
  if (new Set(pairs).size === S && pairs.every((index) => index < S)) return;
  const expected = `each index below ${S} once`;
  throw new OutOfRangeError({ op: "bradleyTerryLoss", operand: "pairs", expected, actual: `${pairs}` });
}
