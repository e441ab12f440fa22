/** A label that counts for nothing: no loss, no gradient, not in the mean's denominator. */
export const IGNORED_LABEL = -100;

/** How rows of logits become one number. */
export interface CrossEntropyRefOptions {
  readonly vocabSize: number;
  /** Divide the sum of the losses by this; default: the sum of the weights of labels that are not ignored, 1 if that is 0. */
  readonly denominator?: number | undefined;
  /** [T] w_t; default 1. */
  readonly weights?: ArrayLike<number> | undefined;
}

/**
 * Softmax cross-entropy in f64: loss_t = log sum_v exp(logits_tv) - logits_t,label.
 *
 * logits [T, V], labels [T] with {@link IGNORED_LABEL} for rows that do not count; returns the loss in nats
 * (sum w_t loss_t / denominator) and the loss of each row [T], 0 where ignored.
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
  const sum = rows.reduce((total, row, t) => total + (options.weights?.[t] ?? 1) * row, 0);
  return { loss: sum / denominatorOf(labels, options), rows };
}

/** Gradient of {@link crossEntropyRef}'s loss for the logits: (softmax - onehot(label)) * w_t * gradLoss / denominator. */
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
    const own = scale * (options.weights?.[t] ?? 1);
    for (let v = 0; v < V; v++) grad[t * V + v] = own * (Math.exp(row[v] - total) - (v === labels[t] ? 1 : 0));
  }
  return grad;
}

function denominatorOf(labels: ArrayLike<number>, { denominator, weights }: CrossEntropyRefOptions): number {
  if (denominator !== undefined) return denominator;
  let counted = 0;
  for (let t = 0; t < labels.length; t++) counted += labels[t] === IGNORED_LABEL ? 0 : (weights?.[t] ?? 1);
  return counted > 0 ? counted : 1;
}

function logSumExp(row: Float64Array): number {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return max + Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
}
