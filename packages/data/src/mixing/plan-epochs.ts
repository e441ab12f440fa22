/** How often a source is read. */
export interface SourcePlan {
  /** Share of the mix that is asked for, in [0, 1]. */
  readonly weight: number;
  /** Times that it is read, a fraction for a part of it; 0: not at all. */
  readonly epochs: number;
  /** It would take more epochs than allowed to reach the share. */
  readonly capped: boolean;
}

/** Options of `planEpochs`. */
export interface EpochLimits {
  readonly maxEpochs: number;
  /** Sum of measures of the whole mix. */
  readonly total?: number | undefined;
}

/** Shares p_i ~ n_i^(1/T) of sources of size n_i: T = 1 as they are, larger T nearer to equal. An empty one has none. */
export function temperatureWeights(sizes: readonly number[], temperature: number): number[] {
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  const powers = sizes.map((size) => (size === 0 ? 0 : (size / largest) ** (1 / temperature)));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => (sum === 0 ? 0 : power / sum));
}

/**
 * Epochs of sources of the given sizes that give them their weights, which sum to 1; one with a weight has a size.
 *
 * Without `total` nothing is left out: the source that has least weight for its size is read once, the others as often as
 * their weights ask, up to `maxEpochs`. With it, sources share `total` by weight, where the share of one that would need
 * more than `maxEpochs` goes to the others by their weights.
 */
export function planEpochs(sizes: readonly number[], weights: readonly number[], limits: EpochLimits): SourcePlan[] {
  const amounts =
    limits.total === undefined ? everything(sizes, weights) : divide(sizes, weights, limits, limits.total);
  return sizes.map((size, i) => limitEpochs({ weight: weights[i]!, wanted: amounts[i]!, size }, limits));
}

/** The plan of one source of which an amount is wanted. */
export function limitEpochs(
  { weight, wanted, size }: { readonly weight: number; readonly wanted: number; readonly size: number },
  { maxEpochs }: EpochLimits,
): SourcePlan {
  const epochs = size === 0 ? 0 : snap(wanted / size);
  return { weight, epochs: Math.min(epochs, maxEpochs), capped: epochs > maxEpochs };
}

/** The least amounts with the shares of the weights that have each source at least once. */
function everything(sizes: readonly number[], weights: readonly number[]): number[] {
  const total = sizes.reduce((most, size, i) => (weights[i]! > 0 ? Math.max(most, size / weights[i]!) : most), 0);
  return weights.map((weight) => weight * total);
}

/** Amounts that sum to `total`, infinite for sources that give all they have: what those lack is asked of the others. */
function divide(
  sizes: readonly number[],
  weights: readonly number[],
  { maxEpochs }: EpochLimits,
  total: number,
): number[] {
  const isFull = sizes.map(() => false);
  for (;;) {
    let [left, weight] = [total, 0];
    for (const [i, full] of isFull.entries()) {
      if (full) left -= maxEpochs * sizes[i]!;
      else weight += weights[i]!;
    }
    const amounts = weights.map((own, i) => (isFull[i] ? Infinity : own === 0 ? 0 : (left * own) / weight));
    const overfull = sizes.findIndex((size, i) => !isFull[i] && amounts[i]! > maxEpochs * size * (1 + TOLERANCE));
    if (overfull < 0) return amounts;
    isFull[overfull] = true;
  }
}

const TOLERANCE = 1e-9;

/** Rounding must not cut a document from a whole epoch, nor begin another. */
function snap(epochs: number): number {
  const whole = Math.round(epochs);
  return Math.abs(epochs - whole) <= TOLERANCE * Math.max(1, whole) ? whole : epochs;
}
