/*
 * Softmax cross-entropy over a vocabulary, in nats. With V in the ten thousands the logits are the largest tensor of a
 * step, so they exist once: forward keeps one log-sum-exp a row, and backward turns the logits' own memory into their
 * gradient, (softmax - onehot) / denominator.
 */
import { OutOfRangeError, StateError } from "@ds3/errors";
import { copyTensor } from "./accumulate.ts";
import { crossEntropyGradientWgsl, crossEntropyWgsl, sumLossesWgsl } from "./cross-entropy.wgsl.ts";
import { dims } from "./dims.ts";
import { assertDtype } from "./gpu.ts";
import { uploadIds } from "./host-ids.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows, lanesOf } from "./row-kernel.ts";
import { record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";

/** A target that counts for nothing: no loss, no gradient, not in the mean's denominator. */
export const IGNORED_TARGET = -100;

const rowsKernel = cachedTemplate(crossEntropyWgsl);
const sumKernel = cachedTemplate(sumLossesWgsl);
const gradientKernel = cachedTemplate(crossEntropyGradientWgsl);

/** Logits that backward has turned into gradients. */
const overwritten = new WeakSet<Tensor>();

/** How rows become one number. */
export interface CrossEntropyOptions {
  /** Divides the sum of the rows' losses. Default: the number of targets that are not ignored, at least 1. */
  readonly denominator?: number;
}

interface RowLosses {
  /** [T] nats, 0 where ignored. */
  readonly losses: Tensor;
  /** [T] log-sum-exp. */
  readonly lse: Tensor;
  readonly targets: Tensor;
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
  const { gpu } = logits;
  const factor = 1 / denominatorOf(targets, options);
  const rows = rowLosses("crossEntropy", logits, targets);
  const loss = gpu.empty([1], "f32", "crossEntropy");
  const { losses } = rows;
  gpu.dispatch(sumKernel({ team: teamOf(gpu.target) }), { losses, loss }, { T: losses.size, factor }, [1]);
  record(gpu, {
    label: "crossEntropy",
    inputs: [logits],
    outputs: [loss],
    saved: [logits, rows.lse, rows.targets],
    backward: ([dloss], sink) => {
      if (sink.wants(logits)) sink.add(logits, logitsGradient(logits, rows, dloss!, factor));
    },
  });
  return loss;
}

/**
 * Loss of each row in nats, [T], 0 where ignored, for evaluation: nothing is recorded for backward.
 * logits [T, V] f32, targets [T]. Throws as `crossEntropy`.
 */
export function crossEntropyRows(logits: Tensor, targets: Int32Array): Tensor {
  return rowLosses("crossEntropyRows", logits, targets).losses;
}

function rowLosses(op: string, logits: Tensor, labels: Int32Array): RowLosses {
  assertDtype(op, "logits", logits, "f32");
  const { T, V } = dims(op, { targets: "T", logits: "T V" }, { targets: { shape: [labels.length] }, logits });
  const { gpu } = logits;
  const range = { op, operand: "targets", limit: V, limitName: "V", ignored: IGNORED_TARGET };
  const targets = uploadIds(gpu, labels, [T], range);
  const losses = gpu.empty([T], "f32", "row losses");
  const lse = gpu.empty([T], "f32", "row log-sum-exp");
  const kernel = rowsKernel({ team: teamOf(gpu.target) });
  dispatchRows(gpu, kernel, { logits, targets, losses, lse }, { V }, { rows: T, columns: V });
  return { losses, lse, targets };
}

function logitsGradient(logits: Tensor, { lse, targets }: RowLosses, dloss: Tensor, factor: number): Tensor {
  if (overwritten.has(logits)) {
    throw new StateError({
      op: "crossEntropy",
      operand: "logits",
      expected: "logits with one loss",
      actual: "logits that another crossEntropy's backward has overwritten",
      hint: "Compute the logits once for each loss, or add up the losses of their rows.",
    });
  }
  const [rows, V] = logits.shape as unknown as readonly [number, number];
  const { gpu } = logits;
  const target = isOverwritable(logits) ? logits : copyTensor(logits);
  if (target === logits) overwritten.add(logits);
  const kernel = gradientKernel({ lanes: lanesOf(gpu.target) });
  dispatchRows(gpu, kernel, { logits: target, targets, lse, dloss }, { V, factor }, { rows, columns: V });
  return target;
}

/** A parameter's values stay, and only aligned memory can be bound for writing. */
function isOverwritable({ gpu, grad, byteOffset }: Tensor): boolean {
  return grad === undefined && byteOffset % gpu.device.limits.minStorageBufferOffsetAlignment === 0;
}

function denominatorOf(targets: Int32Array, { denominator }: CrossEntropyOptions): number {
  if (denominator === undefined) return Math.max(1, targets.filter((id) => id !== IGNORED_TARGET).length);
  if (denominator > 0) return denominator;
  const actual = `${denominator}`;
  throw new OutOfRangeError({ op: "crossEntropy", operand: "denominator", expected: "> 0", actual });
}
