import { type CrossEntropyRefOptions, crossEntropyBackwardRef, crossEntropyRef } from "./cross-entropy.ref.ts";
import { linearBackwardRef, linearRef } from "./matmul.ref.ts";

/** Sizes of the head, and how rows become one number. */
export interface LinearCrossEntropyRefOptions extends CrossEntropyRefOptions {
  /** Width of a row of x. */
  readonly inFeatures: number;
}

/**
 * Mean cross-entropy in f64 of logits x W^T: loss_t = log sum_v exp(x_t . w_v) - x_t . w_label.
 *
 * x [T, inFeatures], weight [vocabSize, inFeatures], labels [T], -100 for rows that do not count; nats.
 */
export function linearCrossEntropyRef(
  x: Float64Array,
  weight: Float64Array,
  labels: ArrayLike<number>,
  options: LinearCrossEntropyRefOptions,
): number {
  return crossEntropyRef(linearRef(x, weight, options.inFeatures), labels, options).loss;
}

/** Gradients of {@link linearCrossEntropyRef} times `gradLoss`: dW = dlogits^T x, dx = dlogits W. */
export function linearCrossEntropyBackwardRef(
  gradLoss: number,
  x: Float64Array,
  weight: Float64Array,
  labels: ArrayLike<number>,
  options: LinearCrossEntropyRefOptions,
): { x: Float64Array; weight: Float64Array } {
  const logits = linearRef(x, weight, options.inFeatures);
  const gradLogits = crossEntropyBackwardRef(gradLoss, logits, labels, options);
  return linearBackwardRef(gradLogits, x, weight, options.inFeatures);
}
