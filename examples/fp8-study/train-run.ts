import { type Batch, createBatches } from "@ds3/data";
import { configToJson, type DeepseekModel, type TrainingBatch } from "@ds3/deepseek";
import { cosine, type Session } from "@ds3/example-shared";
import { crossEntropy, openGpu } from "@ds3/tensor";
import { batchSource, evaluate, formatProgress, kernelTableOf, train } from "@ds3/trainer";
import { buildModel } from "./build-model.ts";
import { folderOf, type StudyRun } from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";

/**
 * Trains one run to its end, from where it was stopped or killed. False: the signal stopped it.
 *
 * @throws NonFiniteError; TrainingCheckpointError when the folder holds a run of other settings or text.
 */
export async function trainRun(
  root: string,
  run: StudyRun,
  plan: StudyPlan,
  data: StudyData,
  { print, status, signal }: Session,
): Promise<boolean> {
  const { name, precision, seed, steps } = run;
  const folder = folderOf(root, run);
  const { batchSize: batch, sequenceLength: length, ablationSteps, checkpointEvery } = plan;
  await using gpu = await openGpu({ kernelTable: await kernelTableOf(folder) });
  const model = buildModel(gpu, run, plan, data.vocabSize);
  const batches = createBatches({ ...data.training, batchSize: batch, sequenceLength: length, seed });
  const { stopped } = await train<TrainingBatch>({
    model,
    batches: batchSource<Batch>(batches, { batch, length }),
    steps,
    schedule: cosine(plan.peakLearningRate, plan.steps),
    optimizer: { moments: precision === "fp8" ? "bf16" : "f32" },
    validate: { every: ablationSteps, run: () => measureHeldOut(model, plan, data) },
    settings: settingsOf(run, plan, data, model),
    ...{ folder, resume: true, checkpointEvery, signal },
    onProgress: (progress) => status(`${name}  ${formatProgress(progress)}`),
    onNote: (note) => print(`${name}: ${note}`),
  });
  return !stopped;
}

/** Mean nats a token of the held-out text. */
export function measureHeldOut(
  model: DeepseekModel,
  { batchSize: batch, sequenceLength: length }: StudyPlan,
  { heldOut }: StudyData,
): Promise<{ readonly validationLoss: number }> {
  return evaluate({
    gpu: model.gpu,
    batches: heldOut,
    loss: (one) => crossEntropy(model.head(model.forward({ ...one, batch, length }).normed), one.targets),
    targetCount: ({ targetCount }) => targetCount,
  });
}

/** What a run that goes on must have in common with its folder. */
function settingsOf(run: StudyRun, plan: StudyPlan, data: StudyData, model: DeepseekModel): Record<string, unknown> {
  const { batchSize: batch, sequenceLength: length, steps, peakLearningRate, biasUpdateSpeed } = plan;
  const { seed, precision, variant } = run;
  const schedule = { steps, peakLearningRate, biasUpdateSpeed };
  const own = { precision, seed, ...(variant ? { variant } : {}) };
  return { ...own, batch, length, ...schedule, config: configToJson(model.config), data: data.fingerprint };
}
