/*
 * Softmax cross-entropy over a vocabulary, in nats: minus the mean of the targets' log-probabilities. Like those it
 * keeps the logits once (token-log-probs.ts).
 */
import { crossEntropyWgsl } from "./cross-entropy.wgsl.ts";
import type { Gpu } from "./gpu.ts";
import { assertIds } from "./host-ids.ts";
import { cachedTemplate } from "./kernel.ts";
import { type CrossEntropyOptions, type LossRows, lossRows } from "./loss-rows.ts";
import { record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";
import { IGNORED_TARGET, logitsGradient, rowLogProbs } from "./token-log-probs.ts";

const kernelOf = cachedTemplate(crossEntropyWgsl);

/**
 * Mean loss [1] in nats of logits [T, V] f32 for targets [T] (IGNORED_TARGET = -100 leaves a row out; with every row
 * left out the loss and its gradients are 0); with `weights` the weighted mean, sum w_t loss_t / sum w_t. V >= 1.
 *
 * Backward overwrites the memory of `logits` with their gradient: no other op may need their values then. Only logits
 * that are a parameter, or a view off the adapter's alignment, are copied first.
 *
 * @throws OutOfRangeError for a target, weight or denominator out of range; ShapeError; DtypeError; StateError in backward when
 * the same logits have two losses.
 */
export function crossEntropy(logits: Tensor, targets: Int32Array, options: CrossEntropyOptions = {}): Tensor {
  const op = "crossEntropy";
  const counted = lossRows(op, targets, options);
  // Those that weigh nothing are ids all the same.
  const range = { op, operand: "targets", limit: logits.shape[1] ?? 0, limitName: "V", ignored: IGNORED_TARGET };
  if (counted.weights && logits.shape.length === 2) assertIds(targets, range);
  const rows = rowLogProbs(op, logits, counted.targets);
  const weights = uploadWeights(logits.gpu, counted);
  const loss = sumLoss(rows.logProbs, counted.factor, weights);
  record(logits.gpu, {
    label: op,
    inputs: [logits],
    outputs: [loss],
    saved: [logits, rows.lse, rows.targets, ...Object.values(weights)],
    backward: ([dloss], sink) => {
      if (!sink.wants(logits)) return;
      sink.add(logits, logitsGradient(op, logits, rows, { dlogProbs: dloss!, factor: -counted.factor, ...weights }));
    },
  });
  return loss;
}

/** The weights [T] on the device, where rows have some. */
export function uploadWeights(gpu: Gpu, { weights }: LossRows): { readonly weights?: Tensor } {
  return weights ? { weights: gpu.tensor(weights, [weights.length], "f32", "weights") } : {};
}

/** Loss [1] of log-probabilities [T]: minus their sum, each times its weight, times `factor`. Unrecorded. */
export function sumLoss(logProbs: Tensor, factor: number, weights: { readonly weights?: Tensor }): Tensor {
  const { gpu } = logProbs;
  const loss = gpu.empty([1], "f32", "crossEntropy");
  const kernel = kernelOf({ team: teamOf(gpu.target), weighted: weights.weights !== undefined });
  gpu.dispatch(kernel, { logProbs, ...weights, loss }, { T: logProbs.size, factor }, [1]);
  return loss;
}
