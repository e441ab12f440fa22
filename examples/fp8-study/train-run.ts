import { type Batch, createBatches } from "@ds3/data";
import { configToJson, type DeepseekModel, loadModelFiles, type TrainingBatch } from "@ds3/deepseek";
import { cosine, type Session } from "@ds3/example-shared";
import { crossEntropy, type Gpu } from "@ds3/tensor";
import { batchSource, evaluate, formatProgress, type StoredCheckpoint, train } from "@ds3/trainer";
import { buildModel } from "./build-model.ts";
import { digestOf, readTrained } from "./read-trained.ts";
import { folderOf, type StudyRun } from "./runs.ts";
import type { StudyPlan } from "./study-config.ts";
import type { StudyData } from "./study-data.ts";

/**
 * Trains one run to its end, from where it was stopped or killed. False: the signal stopped it. Leaves nothing on the device.
 *
 * @throws StateError when the run that it starts from is not finished; TrainingCheckpointError when the folder holds a run of
 * other settings, text or first weights; NonFiniteError.
 */
export async function trainRun(
  gpu: Gpu,
  root: string,
  run: StudyRun,
  plan: StudyPlan,
  data: StudyData,
  { print, status, signal }: Session,
): Promise<boolean> {
  const { name, precision, seed, steps, from } = run;
  const folder = folderOf(root, run);
  const { batchSize: batch, sequenceLength: length, ablationSteps, checkpointEvery } = plan;
  const start = from === undefined ? undefined : await readTrained(root, { name: from, steps: plan.steps });
  using _model = gpu.scope("model");
  const model = buildModel(gpu, run, plan, data.vocabSize);
  const batches = createBatches({ ...data.training, batchSize: batch, sequenceLength: length, seed });
  if (start) {
    loadModelFiles(model, start.files);
    batches.seek({ epoch: 0, index: start.step * batch });
  }
  const { stopped } = await train<TrainingBatch>({
    model,
    batches: batchSource<Batch>(batches, { batch, length }),
    steps,
    schedule: cosine(plan.peakLearningRate, plan.steps),
    optimizer: { moments: precision === "fp8" ? "bf16" : "f32" },
    validate: { every: ablationSteps, run: () => measureHeldOut(model, plan, data) },
    settings: settingsOf(run, plan, data, model, start),
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
function settingsOf(
  run: StudyRun,
  plan: StudyPlan,
  data: StudyData,
  model: DeepseekModel,
  start: StoredCheckpoint | undefined,
): Record<string, unknown> {
  const { batchSize: batch, sequenceLength: length, steps, peakLearningRate, biasUpdateSpeed } = plan;
  const { seed, precision, variant, from } = run;
  const schedule = { steps, peakLearningRate, biasUpdateSpeed };
  const own = { precision, seed, ...(variant ? { variant } : {}), ...(start ? { from, start: digestOf(start) } : {}) };
  return { ...own, batch, length, ...schedule, config: configToJson(model.config), data: data.fingerprint };
}
