import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { IGNORED_TARGET } from "./token-log-probs.ts";

/** How rows become one number: sum of weight x loss over the rows that count, by a denominator. */
export interface CrossEntropyOptions {
  /** Divides the sum of the rows' losses. Default: the sum of the counted rows' weights; 1 where nothing counts. */
  readonly denominator?: number | undefined;
  /** [T] how much each row counts, finite and >= 0; a row of weight 0 is left out like an ignored one. Default: 1 each. */
  readonly weights?: Float32Array | undefined;
}

/** The rows of a loss: factor x sum of weight x loss. */
export interface LossRows {
  /** [T] with IGNORED_TARGET where a row does not count, be it by its weight. */
  readonly targets: Int32Array;
  readonly factor: number;
  /** [T] for the kernels, 0 where a row does not count; absent: 1 each. */
  readonly weights?: Float32Array;
}

/**
 * Which rows count, and how much. O(T).
 * @throws ShapeError for weights that are not [T]; OutOfRangeError for a weight that is negative or not finite, or a
 * denominator that is not above 0.
 */
export function lossRows(op: string, targets: Int32Array, options: CrossEntropyOptions): LossRows {
  const { denominator, weights } = options;
  if (denominator !== undefined && !(denominator > 0)) {
    throw new OutOfRangeError({ op, operand: "denominator", expected: "> 0", actual: `${denominator}` });
  }
  if (weights !== undefined) return weighedRows(targets, assertWeights(op, weights, targets.length), denominator);
  return { targets, factor: 1 / (denominator ?? totalWeight(targets)) };
}

/** Sum of the weights of the targets that are not ignored, of their number without weights; 1 where that is 0. */
export function totalWeight(targets: Int32Array, weights?: Float32Array): number {
  const sum = targets.reduce((total, id, t) => total + (id === IGNORED_TARGET ? 0 : (weights?.[t] ?? 1)), 0);
  return sum > 0 ? sum : 1;
}

/** Kernels get the weights by a power of two, the largest below 2: then no product leaves f32's range, and 1 stays 1. */
function weighedRows(targets: Int32Array, weights: Float32Array, denominator?: number): LossRows {
  const counts = targets.map((id, t) => (weights[t]! > 0 ? id : IGNORED_TARGET));
  const own = Float32Array.from(weights, (weight, t) => (counts[t] === IGNORED_TARGET ? 0 : weight));
  const largest = own.reduce((a, b) => Math.max(a, b), 0);
  const unit = largest > 0 ? 2 ** Math.floor(Math.log2(largest)) : 1;
  const factor = unit / (denominator ?? totalWeight(counts, own));
  return { targets: counts, factor, weights: own.map((weight) => weight / unit) };
}

function assertWeights(op: string, weights: Float32Array, T: number): Float32Array {
  if (weights.length !== T) {
    throw new ShapeError({ op, operand: "weights", expected: `[T=${T}]`, actual: `[${weights.length}]` });
  }
  const at = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (at < 0) return weights;
  const expected = "a finite weight >= 0";
  throw new OutOfRangeError({ op, operand: `weights[${at}]`, expected, actual: `${weights[at]}` });
}
