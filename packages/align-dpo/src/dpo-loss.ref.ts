/*
 * Preference losses in double precision, from the papers' equations.
 *
 * a = log pi(chosen) / ref(chosen), b = log pi(rejected) / ref(rejected), summed over tokens; n, m tokens of each, at
 * least 1; beta; e label smoothing; s(x) = 1 / (1 + exp(-x)). To the mean of the pairs' losses comes nllWeight times
 * the mean of - log pi over all chosen tokens.
 */
import { sumSequencesBackwardRef, sumSequencesRef } from "./sum-sequences.ref.ts";
import type { DpoLossName } from "./types.ts";

/** What the loss is taken of. */
export interface DpoLossRefOptions {
  /** First log-prob of each sequence, and the number of all: 2P + 1 entries. */
  readonly starts: ArrayLike<number>;
  /** Sequence of each pair's chosen completion (P), then of each pair's rejected one (P). */
  readonly sequences: ArrayLike<number>;
  /** Reference log-probs in the order of `sequences`. */
  readonly reference: ArrayLike<number>;
  readonly loss: DpoLossName;
  readonly beta: number;
  readonly labelSmoothing: number;
  readonly nllWeight: number;
}

/** What the f64 reference gives. */
export interface DpoLossRefResult {
  readonly loss: number;
  /** [2P] in the order of the sequences. */
  readonly sequenceLogProbs: Float64Array;
  /** [2P], chosen of all pairs, then rejected. */
  readonly rewards: Float64Array;
  /** Mean of - log pi over all chosen tokens. */
  readonly nll: number;
  readonly margin: number;
  readonly accuracy: number;
  /** [R] gradient of the loss for every log-prob. */
  readonly gradLogProbs: Float64Array;
}

/** A pair as the equations see it. */
interface Pair {
  readonly a: number;
  readonly b: number;
  readonly n: number;
  readonly m: number;
}

/** Value, derivative for a, derivative for b. */
type Term = readonly [value: number, da: number, db: number];
type Equation = (pair: Pair, beta: number, e: number) => Term;

/** Mean loss over P pairs with its gradient, rewards and figures. */
export function dpoLossRef(logProbs: ArrayLike<number>, options: DpoLossRefOptions): DpoLossRefResult {
  const { starts, sequences, reference, loss, beta, labelSmoothing, nllWeight } = options;
  const sums = sumSequencesRef(logProbs, starts);
  const ratios = Float64Array.from(sequences, (s, slot) => sums[s]! - reference[slot]!);
  const lengths = Array.from(sequences, (s) => Math.max(1, starts[s + 1]! - starts[s]!));
  const P = sequences.length / 2;
  const term = (chosen: number, rejected: number): Term => {
    const pair = { a: ratios[chosen]!, b: ratios[P + rejected]!, n: lengths[chosen]!, m: lengths[P + rejected]! };
    return equations[loss](pair, beta, labelSmoothing);
  };
  const gradSums = new Float64Array(2 * P);
  let total = 0;
  const add = ([value, da, db]: Term, chosen: number, rejected: number): void => {
    total += value / P;
    gradSums[sequences[chosen]!]! += da / P;
    gradSums[sequences[P + rejected]!]! += db / P;
  };
  if (loss === "aot") addMatchedMargins();
  else if (loss === "aot_unpaired") {
    const [chosen, rejected] = [ascending(ratios.subarray(0, P)), ascending(ratios.subarray(P))];
    for (let k = 0; k < P; k++) add(term(chosen[k]!, rejected[k]!), chosen[k]!, rejected[k]!);
  } else for (let p = 0; p < P; p++) add(term(p, p), p, p);

  const chosenTokens = lengths.slice(0, P).reduce((sum, length) => sum + length, 0);
  let nll = 0;
  for (let p = 0; p < P; p++) {
    nll -= sums[sequences[p]!]! / chosenTokens;
    gradSums[sequences[p]!]! -= nllWeight / chosenTokens;
  }
  total += nllWeight * nll;

  /** Sorted margins of the policy against sorted margins of the reference: not of the same pair. */
  function addMatchedMargins(): void {
    const policy = Float64Array.from({ length: P }, (_, p) => sums[sequences[p]!]! - sums[sequences[P + p]!]!);
    const base = Float64Array.from({ length: P }, (_, p) => reference[p]! - reference[P + p]!);
    const [mine, theirs] = [ascending(policy), ascending(base)];
    for (let k = 0; k < P; k++) {
      const pair = { a: policy[mine[k]!]!, b: base[theirs[k]!]!, n: 1, m: 1 };
      const [value, da] = smoothed(pair, beta, labelSmoothing);
      add([value, da, -da], mine[k]!, mine[k]!);
    }
  }

  const rewards = ratios.map((ratio) => beta * ratio);
  const margins = Array.from({ length: P }, (_, p) => rewards[p]! - rewards[P + p]!);
  return {
    loss: total,
    sequenceLogProbs: sums,
    rewards,
    nll,
    margin: margins.reduce((sum, margin) => sum + margin, 0) / P,
    accuracy: margins.filter((margin) => margin > 0).length / P,
    gradLogProbs: sumSequencesBackwardRef(gradSums, starts),
  };
}

const s = (x: number): number => 1 / (1 + Math.exp(-x));
const logS = (x: number): number => (x < 0 ? x - Math.log1p(Math.exp(x)) : -Math.log1p(Math.exp(-x)));
const ds = (x: number): number => s(x) * s(-x);

const smoothed: Equation = ({ a, b }, beta, e) => {
  const x = beta * (a - b);
  const slope = beta * (e * s(x) - (1 - e) * s(-x));
  return [-(1 - e) * logS(x) - e * logS(-x), slope, -slope];
};

const equations: Readonly<Record<DpoLossName, Equation>> = {
  sigmoid: smoothed,
  aot: smoothed,
  aot_unpaired: smoothed,
  sigmoid_norm: ({ a, b, n, m }, beta) => {
    const x = beta * (a / n - b / m);
    return [-logS(x), (-beta * s(-x)) / n, (beta * s(-x)) / m];
  },
  hinge: ({ a, b }, beta) => {
    const slack = 1 - beta * (a - b);
    return slack > 0 ? [slack, -beta, beta] : [0, 0, 0];
  },
  ipo: ({ a, b, n, m }, beta) => {
    const error = a / n - b / m - 1 / (2 * beta);
    return [error ** 2, (2 * error) / n, (-2 * error) / m];
  },
  robust: ({ a, b }, beta, e) => {
    const x = beta * (a - b);
    const slope = (-beta * ((1 - e) * s(-x) + e * s(x))) / (1 - 2 * e);
    return [(-(1 - e) * logS(x) + e * logS(-x)) / (1 - 2 * e), slope, -slope];
  },
  exo_pair: ({ a, b }, beta, e) => {
    const x = beta * (a - b);
    const value = s(x) * (logS(x) - Math.log(1 - e)) + s(-x) * (logS(-x) - Math.log(e));
    const slope = beta * ds(x) * (x - Math.log((1 - e) / e));
    return [value, slope, -slope];
  },
  nca_pair: ({ a, b }, beta) => {
    const [x, y] = [beta * a, beta * b];
    const value = -logS(x) - 0.5 * logS(-x) - 0.5 * logS(-y);
    return [value, beta * (0.5 * s(x) - s(-x)), 0.5 * beta * s(y)];
  },
  bco_pair: ({ a, b }, beta) => [-logS(beta * a) - logS(-beta * b), -beta * s(-beta * a), beta * s(beta * b)],
  sppo_hard: ({ a, b }, beta) => {
    const [won, lost] = [a - 1 / (2 * beta), b + 1 / (2 * beta)];
    return [won ** 2 + lost ** 2, 2 * won, 2 * lost];
  },
  apo_zero: ({ a, b }, beta) => [1 - s(beta * a) + s(beta * b), -beta * ds(beta * a), beta * ds(beta * b)],
  apo_down: ({ a, b }, beta) => {
    const z = beta * (a - b);
    return [s(beta * a) + 1 - s(z), beta * (ds(beta * a) - ds(z)), beta * ds(z)];
  },
};

/** Indices by rising value, equal ones by index. */
function ascending(values: Float64Array): number[] {
  return [...values.keys()].sort((p, q) => values[p]! - values[q]! || p - q);
}
