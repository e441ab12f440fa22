import { createDeepseek, type DeepseekConfig, type DeepseekModel, deepseekV3, type TrainingBatch } from "@ds3/deepseek";
import { studyConfig } from "@ds3/example-fp8-study/study-config";
import type { Gpu } from "@ds3/tensor";
import type { OptimizerOptions } from "@ds3/trainer";
import { randomBatch } from "./mini.ts";

/** What FP8 is compared with. */
export const comparedPrecisions = ["f32", "bf16", "fp8"] as const;

/** A precision that is compared. */
export type ComparedPrecision = (typeof comparedPrecisions)[number];

/** A model that is trained in each precision, and its batches. */
export interface ComparedModel {
  readonly name: string;
  readonly config: DeepseekConfig;
  readonly batch: number;
  readonly length: number;
}

/** The `mini` preset as in the other figures, and the model of `pnpm fp8-study` with its batches. */
export const comparedModels: readonly ComparedModel[] = [
  { name: "mini", config: deepseekV3("mini"), batch: 4, length: 256 },
  { name: "study", config: studyConfig(1024), batch: 2, length: 320 },
];

/** The model in one precision, seeded, and one batch of random tokens. */
export function createCompared(
  gpu: Gpu,
  { config, batch, length }: ComparedModel,
  precision: ComparedPrecision,
  checkpoint: "none" | "block" = "none",
): { readonly model: DeepseekModel; readonly batch: TrainingBatch; readonly optimizer: OptimizerOptions } {
  const model = createDeepseek(gpu, config, { seed: 1, precision, checkpoint });
  return { model, batch: randomBatch(config, batch, length), optimizer: optimizerOf(precision) };
}

/** FP8 goes with moments in bf16, as in the report. */
function optimizerOf(precision: ComparedPrecision): OptimizerOptions {
  return { moments: precision === "fp8" ? "bf16" : "f32" };
}
