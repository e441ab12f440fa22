import { OutOfRangeError, StateError } from "@ds3/errors";
import { type AdamwMoments, type Arena, adamwStep, createMoments, type Tensor } from "@ds3/tensor";

/** AdamW's settings; the defaults are DeepSeek-V3's (report, section 4.2). */
export interface OptimizerOptions {
  /** Decay of the first and the second moment. Default 0.9 and 0.95. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment. Default 1e-8. */
  readonly eps?: number;
  /** On parameters that the arena marks for decay, i.e. matrices. Default 0.1. */
  readonly weightDecay?: number;
  /** "bf16" halves the optimiser's memory, as DeepSeek-V3 does. Default "f32". */
  readonly moments?: "f32" | "bf16";
}

/** AdamW over an arena. Its state is the moments and the number of steps. */
export interface Optimizer {
  /** One update from the arena's gradients; `stats` [4] comes from `gradientNorm`. Encodes, does not wait. */
  step(learningRate: number, stats: Tensor): void;
  /** Updates so far, for the bias corrections. */
  steps: number;
  /** First and second moments of each segment. */
  readonly moments: readonly AdamwMoments[];
  /** `stats` [4] of the last update, zeros before the first: [2] is not 0 when that update was not applied. */
  readonly lastStats: Tensor;
  /** Frees moments and stats. */
  [Symbol.dispose](): void;
}

/**
 * Creates an optimiser with zero moments, f32 or bf16 [length] for each segment of the arena.
 *
 * @throws OutOfRangeError for settings outside their ranges; `step` for a learning rate that is not finite and >= 0.
 * StateError for an arena without parameters.
 */
export function createOptimizer(arena: Arena, options: OptimizerOptions = {}): Optimizer {
  const { betas = [0.9, 0.95], eps = 1e-8, weightDecay = 0.1, moments: dtype = "f32" } = options;
  checkOptions(betas, eps, weightDecay);
  const gpu = arena.segments[0]?.values.gpu;
  if (!gpu) throw new StateError({ op: "optimizer", operand: "arena", expected: "parameters", actual: "none" });
  const moments = arena.segments.map((segment) => createMoments(segment, dtype));
  const lastStats = gpu.zeros([4]);
  const optimizer: Optimizer = {
    steps: 0,
    moments,
    lastStats,
    step(learningRate, stats) {
      const isRate = learningRate >= 0 && Number.isFinite(learningRate);
      check("learningRate", learningRate, isRate, "a finite number >= 0");
      optimizer.steps += 1;
      for (const [i, segment] of arena.segments.entries()) {
        adamwStep(segment, moments[i]!, stats, { learningRate, step: optimizer.steps, betas, eps, weightDecay });
      }
      gpu.copy(stats, lastStats, 0);
    },
    [Symbol.dispose]() {
      for (const tensor of [lastStats, ...moments.flatMap(({ first, second }) => [first, second])]) gpu.free(tensor);
    },
  };
  return optimizer;
}

function checkOptions(betas: readonly [number, number], eps: number, weightDecay: number): void {
  for (const [i, beta] of betas.entries()) check(`betas[${i}]`, beta, beta >= 0 && beta < 1, "0 <= beta < 1");
  check("eps", eps, eps > 0 && Number.isFinite(eps), "a finite number > 0");
  const isDecay = weightDecay >= 0 && Number.isFinite(weightDecay);
  check("weightDecay", weightDecay, isDecay, "a finite number >= 0");
}

function check(operand: string, value: number, valid: boolean, expected: string): void {
  if (!valid) throw new OutOfRangeError({ op: "optimizer", operand, expected, actual: `${value}` });
}
