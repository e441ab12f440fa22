import { createDeepseek, type DeepseekModel, type DeepseekOptions } from "@ds3/deepseek";
import { fp8Linears } from "@ds3/fp8";
import type { Gpu } from "@ds3/tensor";
import { plantOutliers } from "./planted-outliers.ts";
import type { StudyRun } from "./runs.ts";
import { type StudyPlan, studyConfig } from "./study-config.ts";

/** A run's model with its first weights. */
export function buildModel(gpu: Gpu, run: StudyRun, plan: StudyPlan, vocabSize: number): DeepseekModel {
  const { seed, weightFactor = 1 } = run;
  const base = studyConfig(vocabSize);
  const config = { ...base, initializerRange: base.initializerRange * weightFactor };
  return createDeepseek(gpu, config, { seed, biasUpdateSpeed: plan.biasUpdateSpeed, ...linearsOf(gpu, run, base) });
}

/** The linear layers of a run's model, as options of it. */
export function linearsOf(
  gpu: Gpu,
  { precision, variant }: Pick<StudyRun, "precision" | "variant">,
  { hiddenSize: width }: { readonly hiddenSize: number },
): DeepseekOptions {
  if (variant === undefined) return { precision };
  const linears = fp8Linears({ scaling: variant.scaling });
  return variant.outliers === 1 ? linears : plantOutliers(gpu, linears, { width, factor: variant.outliers });
}
