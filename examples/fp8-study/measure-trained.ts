import { loadCheckpoint } from "@ds3/deepseek/node";
import type { Gpu } from "@ds3/tensor";
import type { StoredCheckpoint } from "@ds3/trainer";
import { linearsOf } from "./build-model.ts";
import type { StudyRun } from "./runs.ts";
import { type StudyPlan, studyConfig } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";
import { measureHeldOut } from "./train-run.ts";

/** Nats a held-out token of trained weights in any precision, without training them. Leaves nothing on the device. */
export async function measureTrained(
  gpu: Gpu,
  { folder }: StoredCheckpoint,
  arithmetic: Pick<StudyRun, "precision" | "variant">,
  plan: StudyPlan,
  data: StudyData,
): Promise<number> {
  using _model = gpu.scope("model");
  const model = await loadCheckpoint(gpu, folder, linearsOf(gpu, arithmetic, studyConfig(data.vocabSize)));
  return (await measureHeldOut(model, plan, data)).validationLoss;
}
