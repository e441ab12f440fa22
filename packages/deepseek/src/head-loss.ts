import { add, crossEntropy, IGNORED_TARGET, type Tensor } from "@ds3/tensor";

/**
 * Mean next-token cross-entropy [1] of normed states [T, D] through the head, over targets that are not ignored.
 *
 * Logits [T, V] beyond one binding of the adapter are computed in runs of rows. `head` maps [R, D] to [R, V].
 */
export function headLoss(
  head: (rows: Tensor) => Tensor,
  normed: Tensor,
  targets: Int32Array,
  vocabSize: number,
): Tensor {
  const { gpu } = normed;
  const T = normed.shape[0]!;
  const rowsPerRun = Math.max(1, Math.floor(gpu.maxBindingBytes / (vocabSize * 4)));
  if (T <= rowsPerRun) return crossEntropy(head(normed), targets);
  const counted = targets.reduce((count, target) => count + (target === IGNORED_TARGET ? 0 : 1), 0);
  const losses: Tensor[] = [];
  for (let from = 0; from < T; from += rowsPerRun) {
    const to = Math.min(T, from + rowsPerRun);
    losses.push(
      crossEntropy(head(normed.slice(from, to)), targets.subarray(from, to), { denominator: Math.max(1, counted) }),
    );
  }
  return losses.reduce(add);
}
