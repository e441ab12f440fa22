/*
 * Softmax cross-entropy over a vocabulary, in nats: minus the mean of the targets' log-probabilities. Like those it
 * keeps the logits once (token-log-probs.ts).
 */
import { OutOfRangeError } from "@ds3/errors";
import { crossEntropyWgsl } from "./cross-entropy.wgsl.ts";
import { cachedTemplate } from "./kernel.ts";
import { record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";
import { IGNORED_TARGET, logitsGradient, rowLogProbs } from "./token-log-probs.ts";

const kernelOf = cachedTemplate(crossEntropyWgsl);

/** How rows become one number. */
export interface CrossEntropyOptions {
  /** Divides the sum of the rows' losses. Default: the number of targets that are not ignored, at least 1. */
  readonly denominator?: number;
}

/**
 * Mean loss [1] in nats of logits [T, V] f32 for targets [T] (IGNORED_TARGET = -100 leaves a row out; with every row
 * left out the loss and its gradients are 0). V >= 1.
 *
 * Backward overwrites the memory of `logits` with their gradient: no other op may need their values then. Only logits
 * that are a parameter, or a view off the adapter's alignment, are copied first.
 *
 * @throws OutOfRangeError for a target or denominator out of range; ShapeError; DtypeError; StateError in backward when
 * the same logits have two losses.
 */
export function crossEntropy(logits: Tensor, targets: Int32Array, options: CrossEntropyOptions = {}): Tensor {
  const factor = 1 / denominatorOf("crossEntropy", targets, options);
  const rows = rowLogProbs("crossEntropy", logits, targets);
  const loss = sumLoss(rows.logProbs, factor);
  record(logits.gpu, {
    label: "crossEntropy",
    inputs: [logits],
    outputs: [loss],
    saved: [logits, rows.lse, rows.targets],
    backward: ([dloss], sink) => {
      if (!sink.wants(logits)) return;
      sink.add(logits, logitsGradient("crossEntropy", logits, rows, { dlogProbs: dloss!, factor: -factor }));
    },
  });
  return loss;
}

/** Loss [1] of log-probabilities [T]: minus their sum times `factor`. Unrecorded. */
export function sumLoss(logProbs: Tensor, factor: number): Tensor {
  const { gpu } = logProbs;
  const loss = gpu.empty([1], "f32", "crossEntropy");
  gpu.dispatch(kernelOf({ team: teamOf(gpu.target) }), { logProbs, loss }, { T: logProbs.size, factor }, [1]);
  return loss;
}

/** What the sum of the rows' losses is divided by. @throws OutOfRangeError for a denominator that is not above 0. */
export function denominatorOf(op: string, targets: Int32Array, { denominator }: CrossEntropyOptions): number {
  if (denominator === undefined) return Math.max(1, targets.filter((id) => id !== IGNORED_TARGET).length);
  if (denominator > 0) return denominator;
  throw new OutOfRangeError({ op, operand: "denominator", expected: "> 0", actual: `${denominator}` });
}
