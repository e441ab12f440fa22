import { learningRate } from "@ds3/trainer";

/** A schedule for `train`: a rise to `peak` over a tenth of the steps, then half a cosine to a tenth of it. */
export function cosine(peak: number, steps: number): (step: number, tokens: number) => number {
  const warmupSteps = Math.ceil(steps / 10);
  const schedule = { kind: "cosine", peak, floor: peak / 10, warmupSteps, totalSteps: steps } as const;
  return (step, tokens) => learningRate(schedule, step, tokens);
}
