import { OutOfRangeError } from "@ds3/errors";
import { adamwWgsl, type MomentDtype } from "./adamw.wgsl.ts";
import type { ArenaSegment } from "./arena.ts";
import { dims } from "./dims.ts";
import { assertDtype } from "./gpu.ts";
import { flatGrid } from "./grid.ts";
import type { Tensor } from "./tensor.ts";

/** First and second moments of one segment, laid out like its values. */
export interface AdamwMoments {
  readonly first: Tensor;
  readonly second: Tensor;
}

/** Hyperparameters of one update. */
export interface AdamwOptions {
  readonly learningRate: number;
  /** Number of this update, from 1: the bias corrections depend on it. */
  readonly step: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

/** Zero moments for a segment: f32 [length], or bf16 at half the memory. */
export function createMoments({ values }: ArenaSegment, dtype: MomentDtype): AdamwMoments {
  return { first: values.gpu.zeros(values.shape, dtype), second: values.gpu.zeros(values.shape, dtype) };
}

/**
 * One AdamW update of a segment in place (Loshchilov and Hutter 2019, as torch.optim.AdamW computes it):
 *
 * p *= 1 - lr wd; m += (g - m)(1 - b1); v = b2 v + (1 - b2) g^2; p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).
 *
 * stats [4] comes from `gradientNorm`: gradients are scaled by its clip factor, and nothing is written when its
 * non-finite flag is set. With bf16 moments the step uses them before they are rounded for storage.
 * @throws ShapeError, DtypeError for moments of another segment or of two dtypes; OutOfRangeError for a step below 1 or
 * an option that is not finite.
 */
export function adamwStep(segment: ArenaSegment, moments: AdamwMoments, stats: Tensor, options: AdamwOptions): void {
  const { values, gradients, decayedLength } = segment;
  const { learningRate, step, eps, weightDecay, betas } = options;
  const [beta1, beta2] = betas;
  dims("adamwStep", { values: "L", first: "L", second: "L", stats: "4" }, { values, ...moments, stats });
  assertDtype("adamwStep", "second", moments.second, moments.first.dtype);
  if (!(step >= 1))
    throw new OutOfRangeError({ op: "adamwStep", operand: "step", expected: ">= 1", actual: `${step}` });
  const quads = values.size / 4;
  values.gpu.dispatch(
    adamwWgsl(moments.first.dtype === "bf16" ? "bf16" : "f32"),
    { values, gradients, stats, firstMoments: moments.first, secondMoments: moments.second },
    {
      quads,
      decayedQuads: decayedLength / 4,
      stepSize: learningRate / (1 - beta1 ** step),
      decay: learningRate * weightDecay,
      oneMinusBeta1: 1 - beta1,
      beta2,
      oneMinusBeta2: 1 - beta2,
      inverseSqrtBias2: 1 / Math.sqrt(1 - beta2 ** step),
      eps,
    },
    flatGrid(quads, 64),
  );
}
