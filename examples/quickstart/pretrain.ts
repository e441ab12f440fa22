import type { DeepseekModel } from "@ds3/deepseek";
import { optimizerFor } from "@ds3/example-shared";
import { crossEntropy } from "@ds3/tensor";
import { evaluate, formatProgress, learningRate, type TrainResult, train, type ValidationRecord } from "@ds3/trainer";
import { modelSettings } from "./build-model.ts";
import type { QuickstartOptions } from "./options.ts";
import type { RunPlan } from "./plan-run.ts";
import { formatCount, stageLine, type Terminal } from "./terminal.ts";
import type { TokenData, ValidationBatch } from "./token-data.ts";
import type { TrainingClock } from "./training-clock.ts";

/** What `pretrain` needs beside the model. */
export interface PretrainContext {
  readonly options: QuickstartOptions;
  readonly plan: RunPlan;
  readonly clock: TrainingClock;
  readonly data: TokenData;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Called once, early in the run, between two steps. */
  readonly onFirstSample: () => Promise<void>;
}

/**
 * Trains for the plan's steps with validation in between, or until the signal. Metrics and checkpoints go to
 * `options.out`.
 * @throws NonFiniteError; TrainingCheckpointError when the run to resume was started otherwise.
 */
export async function pretrain(model: DeepseekModel, context: PretrainContext): Promise<TrainResult> {
  const { options, plan, data, clock, terminal, signal } = context;
  let firstSample = context.onFirstSample;
  const validate = async (step: number): Promise<Omit<ValidationRecord, "step" | "tokens">> => {
    clock.pause();
    const result = await validationLoss(model, data);
    if (step > 0) {
      await firstSample();
      firstSample = async () => {};
    }
    clock.start();
    return result;
  };
  clock.start();
  const result = await train({
    model,
    batches: data.batches,
    steps: plan.steps,
    schedule: (step, tokens) => learningRate(plan.schedule, step, tokens),
    optimizer: optimizerFor(options.precision),
    folder: options.out,
    resume: options.resume,
    checkpointEvery: plan.checkpointEvery,
    settings: { ...modelSettings(options, plan), data: data.fingerprint },
    validate: { every: plan.validateEvery, run: validate },
    signal,
    onStep: ({ tokens }) => clock.count(tokens),
    onProgress: (progress) => terminal.status(formatProgress(progress)),
    onValidation: (record) => terminal.print(validationLine(record)),
    onNote: terminal.print,
  });
  clock.pause();
  return result;
}

/** Mean next-token loss over the validation windows, and bits per byte of their text. */
export function validationLoss(
  model: DeepseekModel,
  data: TokenData,
): Promise<Omit<ValidationRecord, "step" | "tokens">> {
  return evaluate<ValidationBatch>({
    gpu: model.gpu,
    batches: data.validation,
    loss: (batch) => crossEntropy(model.head(model.forward(batch).normed), batch.targets),
    targetCount: ({ targetCount }) => targetCount,
    bytesPerToken: data.bytesPerToken,
  });
}

function validationLine({ step, validationLoss, bitsPerByte }: ValidationRecord): string {
  const bits = bitsPerByte === undefined ? "" : `, ${bitsPerByte.toFixed(3)} bits per byte`;
  return stageLine("validation", `step ${formatCount(step)}: ${validationLoss.toFixed(3)} nats per token${bits}`);
}
