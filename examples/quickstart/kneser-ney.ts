import { OutOfRangeError } from "@ds3/errors";

/**
 * An interpolated Kneser-Ney bigram: the baseline that a trained model has to beat.
 *
 * With c(u, w) the count of w directly after u, d the discount, V the vocabulary size, and N(x) the number of distinct
 * bigrams that match x:
 *
 *     P(w | u) = max(c(u, w) - d, 0) / c(u, .)  +  d N(u, .) / c(u, .) * P1(w)
 *     P1(w)    = max(N(., w) - d, 0) / N(., .)  +  d W / N(., .) * 1 / V        W = number of w with N(., w) > 0
 *
 * P1 counts the histories that a token follows, not how often it occurs; a history never seen leaves P1 alone, and a
 * token never seen keeps the uniform share at the base. Every history's probabilities sum to 1.
 * Source: Kneser and Ney 1995 in the interpolated form of Chen and Goodman 1999, section 3.6, order 2, one discount.
 */
export interface KneserNeyBigram {
  /** P(token | previous), always above 0. Both ids must lie in the vocabulary. */
  probability(previous: number, token: number): number;
  /**
   * Mean of -ln P over every token of every sequence except each sequence's first.
   * @throws OutOfRangeError for an id outside the vocabulary, or when there is nothing to predict.
   */
  lossNats(sequences: Iterable<ArrayLike<number>>): number;
  /** How many bigrams were counted. */
  readonly bigrams: number;
}

/** What `countBigrams` needs to know. */
export interface KneserNeyOptions {
  /** V: ids lie in [0, V). */
  readonly vocabSize: number;
  /** d, in (0, 1). Default 0.75. */
  readonly discount?: number;
}

/**
 * Counts the bigrams inside each sequence (none across two) and gives the model.
 *
 * `sequences`: the windows of token ids that training consumed, each once, inputs and last target together: a window of
 * n ids holds n - 1 bigrams. A window of a second epoch would only blunt the discount, so leave it out.
 * Cost: one pass, memory for the distinct bigrams only.
 * @throws OutOfRangeError for a discount outside (0, 1), an id outside the vocabulary, or no bigram at all.
 */
export function countBigrams(sequences: Iterable<ArrayLike<number>>, options: KneserNeyOptions): KneserNeyBigram {
  const { vocabSize: V, discount: d = 0.75 } = options;
  if (!(d > 0 && d < 1)) throw outOfRange("countBigrams", "discount", "a number between 0 and 1", String(d));
  const counts = new Map<number, number>();
  const following = new Float64Array(V);
  let bigrams = 0;
  forEachBigram("countBigrams", sequences, V, (previous, token) => {
    const key = previous * V + token;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    following[previous]! += 1;
    bigrams += 1;
  });
  if (bigrams === 0) throw outOfRange("countBigrams", "sequences", "at least one sequence of two tokens", "none");
  const { successors, continuation } = distinctBigrams(counts, V, d);

  const probability = (previous: number, token: number): number => {
    const total = following[previous]!;
    if (total === 0) return continuation[token]!;
    const seen = Math.max((counts.get(previous * V + token) ?? 0) - d, 0);
    return (seen + d * successors[previous]! * continuation[token]!) / total;
  };
  return { probability, bigrams, lossNats: (validation) => meanLoss(validation, V, probability) };
}

/** successors[u] = N(u, .); continuation[w] = P1(w). */
function distinctBigrams(
  counts: ReadonlyMap<number, number>,
  V: number,
  d: number,
): { successors: Float64Array; continuation: Float64Array } {
  const successors = new Float64Array(V);
  const histories = new Float64Array(V);
  for (const key of counts.keys()) {
    successors[Math.floor(key / V)]! += 1;
    histories[key % V]! += 1;
  }
  const base = (d * histories.filter((n) => n > 0).length) / counts.size / V;
  return { successors, continuation: histories.map((n) => Math.max(n - d, 0) / counts.size + base) };
}

function meanLoss(
  sequences: Iterable<ArrayLike<number>>,
  V: number,
  probability: (previous: number, token: number) => number,
): number {
  let sum = 0;
  let predicted = 0;
  forEachBigram("lossNats", sequences, V, (previous, token) => {
    sum -= Math.log(probability(previous, token));
    predicted += 1;
  });
  if (predicted === 0) throw outOfRange("lossNats", "sequences", "at least one sequence of two tokens", "none");
  return sum / predicted;
}

function forEachBigram(
  op: string,
  sequences: Iterable<ArrayLike<number>>,
  V: number,
  visit: (previous: number, token: number) => void,
): void {
  for (const sequence of sequences) {
    for (let i = 0; i < sequence.length; i++) {
      const token = sequence[i]!;
      if (!(Number.isInteger(token) && token >= 0 && token < V)) {
        throw outOfRange(op, `token ${i} of a sequence`, `an id in [0, ${V})`, String(token));
      }
      if (i > 0) visit(sequence[i - 1]!, token);
    }
  }
}

function outOfRange(op: string, operand: string, expected: string, actual: string): OutOfRangeError {
  return new OutOfRangeError({ op, operand, expected, actual });
}
