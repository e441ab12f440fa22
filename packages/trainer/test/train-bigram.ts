import { type BatchSource, learningRate, type TrainableModel, type TrainOptions, train } from "../src/index.ts";
import type { Pairs } from "./bigram.ts";

const schedule = { kind: "cosine", peak: 0.05, floor: 0.005, warmupSteps: 4, totalSteps: 40 } as const;

/** `train` with the options that all tests share: two micro-batches a step, a schedule that moves at every step. */
export function trainBigram(
  model: TrainableModel<Pairs>,
  batches: BatchSource<Pairs>,
  options: Pick<TrainOptions<Pairs>, "steps"> & Partial<TrainOptions<Pairs>>,
): ReturnType<typeof train> {
  return train({
    model,
    batches,
    schedule: (step, tokens) => learningRate(schedule, step, tokens),
    microBatches: 2,
    settings: { seed: 1, schedule },
    ...options,
  });
}
