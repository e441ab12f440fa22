import { crossEntropyRef, IGNORED_LABEL } from "./cross-entropy.ref.ts";

/** Shape and temperature of rows of logits. */
export interface TokenLogProbsRefOptions {
  readonly vocabSize: number;
  readonly temperature: number;
}

/** log softmax(logits / temperature) at the targets, in f64: logits [T, V], targets [T]; [T], 0 where ignored. */
export function tokenLogProbsRef(
  logits: Float64Array,
  targets: ArrayLike<number>,
  { vocabSize, temperature }: TokenLogProbsRefOptions,
): Float64Array {
  const scaled = logits.map((logit) => logit / temperature);
  return crossEntropyRef(scaled, targets, { vocabSize }).rows.map((loss) => 0 - loss);
}

/** Gradient of {@link tokenLogProbsRef} for the logits: (onehot - softmax) gradient_t / temperature. */
export function tokenLogProbsBackwardRef(
  gradients: Float64Array,
  logits: Float64Array,
  targets: ArrayLike<number>,
  { vocabSize, temperature }: TokenLogProbsRefOptions,
): Float64Array {
  const out = new Float64Array(logits.length);
  for (const [t, gradient] of gradients.entries()) {
    const target = targets[t]!;
    if (target === IGNORED_LABEL) continue;
    const row = logits.subarray(t * vocabSize, (t + 1) * vocabSize).map((logit) => logit / temperature);
    const max = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((sum, x) => sum + Math.exp(x - max), 0);
    for (const [v, x] of row.entries()) {
      const probability = Math.exp(x - max) / total;
      out[t * vocabSize + v] = (((v === target ? 1 : 0) - probability) * gradient) / temperature;
    }
  }
  return out;
}
