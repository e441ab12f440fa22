import type { TrainingBatch } from "@ds3/deepseek";
import type { Gpu } from "@ds3/tensor";
import { createGpt, type GptBatch, gptTrainingFlops, peersFolder, readBatch } from "./gpt.ts";
import type { TrainingRun } from "./measure-training.ts";
import { constantBatches, createMini, randomBatch, trainingFlops } from "./mini.ts";

/** The tiny GPT that peers are measured on, from their weights; undefined when their folder is not there. */
export function gptRun(gpu: Gpu): TrainingRun<GptBatch> | undefined {
  const folder = peersFolder();
  if (folder === undefined) return undefined;
  const batch = readBatch(folder);
  const model = createGpt(gpu, folder);
  return {
    name: "gpt.tiny.train",
    model,
    batches: constantBatches(batch, batch.inputs.length),
    flopsPerToken: gptTrainingFlops(model, batch.length),
    clipNorm: Number.POSITIVE_INFINITY,
  };
}

/** The `mini` preset at sequence 256, batch 4, on random tokens; with checkpoints each block runs again in backward. */
export function miniRun(gpu: Gpu, checkpoint: "none" | "block" = "none"): TrainingRun<TrainingBatch> {
  const model = createMini(gpu, { checkpoint });
  const batch = randomBatch(model.config, 4, 256);
  return {
    name: checkpoint === "none" ? "deepseek.mini.train" : "deepseek.mini.checkpoint.train",
    model,
    batches: constantBatches(batch, batch.inputs.length),
    flopsPerToken: trainingFlops(model.config, batch.length),
  };
}
