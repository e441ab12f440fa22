/**
 * The measure of the report's appendix B.1: losses smoothed by an exponential moving average, and FP8's distance from the
 * other run relative to it. It was fixed before the first run.
 */
import { OutOfRangeError } from "@ds3/errors";

/** Coefficient of the moving average: e_t = 0.9 e_(t-1) + 0.1 l_t. */
export const SMOOTHING = 0.9;

/** The report's bound on the relative error of the loss. */
export const CLAIM = 0.0025;

/** Errors over the last third of two runs of equal length; 0.01 is one per cent. */
export interface LossError {
  /** |e8 - e32| / e32 at every step, e the smoothed losses. */
  readonly errors: readonly number[];
  /** e8 / e32 - 1 at every step: above 0, FP8 is worse. */
  readonly signed: readonly number[];
  /** Step, from 1, that the last third begins with. */
  readonly from: number;
  /** Mean of the errors over the last third: what the claim is judged by. */
  readonly mean: number;
  /** Their maximum over the last third, and the step of it. */
  readonly maximum: { readonly error: number; readonly step: number };
  /** (m8 - m32) / m32 with m the mean of the unsmoothed losses over the last third; signed: above 0, FP8 is worse. */
  readonly ofMeanLoss: number;
}

/**
 * Compares the losses of an FP8 run with those of the f32 run of the same seed, step by step.
 * @throws OutOfRangeError for runs of different lengths, or of fewer than three steps.
 */
export function lossError(f32: readonly number[], fp8: readonly number[]): LossError {
  if (f32.length !== fp8.length || f32.length < 3) {
    const expected = "as many losses as the f32 run has, at least three";
    throw new OutOfRangeError({ op: "lossError", operand: "fp8", expected, actual: `${fp8.length} of ${f32.length}` });
  }
  const [base, other] = [smooth(f32), smooth(fp8)];
  const signed = base.map((value, i) => (other[i]! - value) / value);
  const errors = signed.map(Math.abs);
  const start = f32.length - Math.floor(f32.length / 3);
  const last = errors.slice(start);
  const error = Math.max(...last);
  const [meanBase, meanOther] = [meanOf(f32.slice(start)), meanOf(fp8.slice(start))];
  return {
    errors,
    signed,
    from: start + 1,
    mean: meanOf(last),
    maximum: { error, step: start + 1 + last.indexOf(error) },
    ofMeanLoss: (meanOther - meanBase) / meanBase,
  };
}

/** The exponential moving average, which begins at the first value. */
export function smooth(values: readonly number[]): number[] {
  let average = values[0] ?? 0;
  return values.map((value) => {
    average = SMOOTHING * average + (1 - SMOOTHING) * value;
    return average;
  });
}

/** Mean of at least one value. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
