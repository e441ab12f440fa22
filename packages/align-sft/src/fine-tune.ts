/*
 * Supervised fine-tuning in stages. DeepSeek LLM (arXiv 2401.02954) found that much mathematics and code in the fine-tuning
 * data makes a small chat model repeat itself without end, and cured it by a second stage on conversations alone. A stage
 * here is a whole run of the trainer, in a folder of its own, with the moments and schedule of its own.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { learningRate, train } from "@ds3/trainer";
import {
  type FineTuneOptions,
  type FineTuneResult,
  type ForTraining,
  fromTraining,
  type StageResult,
} from "./fine-tune-options.ts";
import { type PlannedStage, planStages } from "./plan-stages.ts";
import { repetitionRate } from "./repetition-rate.ts";
import { measuredOnce, moveEarlierStages } from "./stage-log.ts";

/**
 * Fine-tunes a model on what assistants say, stage after stage, deterministically, with checkpoints that go on bit for bit.
 *
 * The loss of a step is the mean over all its targets, however many each batch has. With `sample`, the repetition rate is
 * measured before the first stage and after each, once: a resumed run reads it from `stages.jsonl`.
 *
 * @throws what `train` does; ConfigError for stages without plain, unique names; OutOfRangeError for an option out of its
 * range or a sample that does not fit a row; EmptyDataError when a stage has nothing to learn. All stages are checked first.
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const planned = planStages(options);
  await prepareFolder(options, planned);
  const stages: StageResult[] = [];
  let before = await measure(options, { stage: planned[0]!.name, when: "before" });
  for (const stage of planned) {
    const { stopped, ...result } = await runStage(options, stage);
    const after = stopped ? undefined : await measure(options, { stage: stage.name, when: "after" });
    stages.push(before === undefined ? result : { ...result, repetitionRate: rates(before, after) });
    const isDone = !stopped && (after !== undefined || !options.sample);
    if (!isDone) return { stages, stopped: true };
    before = after;
  }
  return { stages, stopped: false };
}

async function prepareFolder(options: FineTuneOptions, planned: readonly PlannedStage[]): Promise<void> {
  const { folder, resume, onNote } = options;
  await mkdir(folder, { recursive: true });
  if (resume) return;
  const names = planned.map(({ name }) => name);
  const previous = await moveEarlierStages(folder, names);
  if (previous !== undefined) onNote?.(`an earlier run's stages are now in ${previous}`);
}

async function runStage(options: FineTuneOptions, stage: PlannedStage): Promise<StageResult & { stopped: boolean }> {
  const { model, microBatches = 1, folder, onStage, onNote } = options;
  const { name, steps, batches, settings } = stage;
  const { samples, rows, usedShare } = batches;
  onStage?.({ name, steps, samples, rows, usedShare });
  const schedule = { kind: "cosine", ...stage.schedule, totalSteps: steps } as const;
  const { checkpoint, ...ended } = await train({
    ...forTraining(options),
    model,
    batches,
    steps,
    microBatches,
    schedule: (step, tokens) => learningRate(schedule, step, tokens),
    folder: join(folder, name),
    resume: true,
    settings,
    ...(onNote ? { onNote: (text: string) => onNote(`${name}: ${text}`) } : {}),
  });
  return { name, ...ended, checkpoint: checkpoint! };
}

/** What is `train`'s own business, and only that: a folder or settings of fineTune's would be taken for its. */
function forTraining(options: FineTuneOptions): ForTraining {
  const given = fromTraining.map((key) => [key, options[key]] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as ForTraining;
}

/** Undefined without `sample`, and when the run was aborted meanwhile: completions may be cut short then. */
async function measure(
  { sample, folder, signal }: FineTuneOptions,
  moment: { readonly stage: string; readonly when: "before" | "after" },
): Promise<number | undefined> {
  if (!sample || signal?.aborted) return undefined;
  return measuredOnce(folder, moment, async () => {
    const completions = await sample.generate(sample.prompts).catch((error) => {
      if (!signal?.aborted) throw error;
      return [];
    });
    if (signal?.aborted) return undefined;
    return { repetitionRate: repetitionRate(completions, sample), completions: completions.length };
  });
}

function rates(before: number, after: number | undefined): { before: number; after?: number } {
  return after === undefined ? { before } : { before, after };
}
