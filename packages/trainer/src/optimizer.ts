import { OutOfRangeError } from "@ds3/errors";
import { type AdamwMoments, type Arena, adamwStep, createMoments, type Tensor } from "@ds3/tensor";

/** AdamW's settings; the defaults are DeepSeek-V3's (report, section 4.2). */
export interface OptimizerOptions {
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** On matrices only. */
  readonly weightDecay?: number;
  /** "bf16" halves the optimiser's memory, as DeepSeek-V3 does. */
  readonly moments?: "f32" | "bf16";
}

/** AdamW over an arena. Its state is the moments and the number of steps. */
export interface Optimizer {
  /** One update from the arena's gradients; `stats` comes from `gradientNorm`. Encodes, does not wait. */
  step(learningRate: number, stats: Tensor): void;
  /** Updates so far. */
  steps: number;
  /** First and second moments of each segment. */
  readonly moments: readonly AdamwMoments[];
}

/** Creates an optimiser with zero moments. @throws OutOfRangeError for settings outside their ranges. */
export function createOptimizer(arena: Arena, options: OptimizerOptions = {}): Optimizer {
  const { betas = [0.9, 0.95], eps = 1e-8, weightDecay = 0.1, moments: dtype = "f32" } = options;
  check("betas[0]", betas[0], betas[0] >= 0 && betas[0] < 1, "0 <= beta < 1");
  check("betas[1]", betas[1], betas[1] >= 0 && betas[1] < 1, "0 <= beta < 1");
  check("eps", eps, eps > 0, "a number > 0");
  check("weightDecay", weightDecay, weightDecay >= 0, "a number >= 0");
  const moments = arena.segments.map((segment) => createMoments(segment, dtype));
  const optimizer: Optimizer = {
    steps: 0,
    moments,
    step(learningRate, stats) {
      check("learningRate", learningRate, learningRate >= 0 && Number.isFinite(learningRate), "a finite number >= 0");
      optimizer.steps += 1;
      for (const [i, segment] of arena.segments.entries()) {
        adamwStep(segment, moments[i]!, stats, { learningRate, step: optimizer.steps, betas, eps, weightDecay });
      }
    },
  };
  return optimizer;
}

function check(operand: string, value: number, valid: boolean, expected: string): void {
  if (!valid) throw new OutOfRangeError({ op: "createOptimizer", operand, expected, actual: `${value}` });
}
