/** A label that counts for nothing: no loss, no gradient, not in the mean's denominator. */
export const IGNORED_LABEL = -100;

/** How rows of logits become one number. */
export interface CrossEntropyRefOptions {
  readonly vocabSize: number;
  /** Divide the sum of the losses by this; default: the number of labels that are not ignored, at least 1. */
  readonly denominator?: number;
}

/**
 * Softmax cross-entropy in f64: loss_t = log sum_v exp(logits_tv) - logits_t,label.
 *
 * logits [T, V], labels [T] with {@link IGNORED_LABEL} for rows that do not count; returns the loss in nats
 * (sum / denominator) and the loss of each row [T], 0 where ignored.
 */
export function crossEntropyRef(
  logits: Float64Array,
  labels: ArrayLike<number>,
  options: CrossEntropyRefOptions,
): { loss: number; rows: Float64Array } {
  const rows = new Float64Array(labels.length);
  for (let t = 0; t < labels.length; t++) {
    if (labels[t] === IGNORED_LABEL) continue;
    const row = logits.subarray(t * options.vocabSize, (t + 1) * options.vocabSize);
    rows[t] = logSumExp(row) - row[labels[t]];
  }
  return { loss: rows.reduce((a, b) => a + b, 0) / denominatorOf(labels, options), rows };
}

/** Gradient of {@link crossEntropyRef}'s loss for the logits: (softmax - onehot(label)) * gradLoss / denominator. */
export function crossEntropyBackwardRef(
  gradLoss: number,
  logits: Float64Array,
  labels: ArrayLike<number>,
  options: CrossEntropyRefOptions,
): Float64Array {
  const V = options.vocabSize;
  const grad = new Float64Array(logits.length);
  const scale = gradLoss / denominatorOf(labels, options);
  for (let t = 0; t < labels.length; t++) {
    if (labels[t] === IGNORED_LABEL) continue;
    const row = logits.subarray(t * V, (t + 1) * V);
    const total = logSumExp(row);
    for (let v = 0; v < V; v++) grad[t * V + v] = scale * (Math.exp(row[v] - total) - (v === labels[t] ? 1 : 0));
  }
  return grad;
}

function denominatorOf(labels: ArrayLike<number>, options: CrossEntropyRefOptions): number {
  if (options.denominator !== undefined) return options.denominator;
  let counted = 0;
  for (let t = 0; t < labels.length; t++) counted += labels[t] === IGNORED_LABEL ? 0 : 1;
  return Math.max(1, counted);
}

function logSumExp(row: Float64Array): number {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return max + Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
}
