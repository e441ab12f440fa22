import type { DeepseekModel, TrainingBatch } from "@ds3/deepseek";
import { loadCheckpoint } from "@ds3/deepseek/node";
import type { Fixture } from "@ds3/testing/fixtures";
import { type BatchSource, type StepRecord, train } from "@ds3/trainer";
import { Results, type TopicRunner } from "../topic.ts";

/** A training run of the trainer's own `train` from a stored model on stored tokens: loss and gradient norm by step. */
export const runTrainParity: TopicRunner = async ({ meta, folder, tensors }, open) => {
  const fixture = tensors();
  const gpu = await open();
  // The reference's loss is the cross-entropy alone, and its router bias stays.
  const options = { balanceLossWeight: 0, mtpLossWeight: 0, biasUpdateSpeed: 0 };
  const model = await loadCheckpoint(gpu, folder, options);
  const records = await runTraining(model, fixture, settingsOf(`${meta.description}`));
  const results = new Results();
  const via = "train";
  results.add(
    "loss_f64",
    via,
    records.map(({ loss }) => loss),
  );
  results.add(
    "grad_norm_f64",
    via,
    records.map(({ gradientNorm }) => gradientNorm),
  );
  return results.collect();
};

interface Settings {
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
}

async function runTraining(
  model: DeepseekModel,
  fixture: Fixture,
  { clipNorm, ...optimizer }: Settings,
): Promise<StepRecord[]> {
  const rates = fixture.f64("lr");
  const records: StepRecord[] = [];
  await train({
    model,
    batches: batchesOf(fixture),
    steps: rates.length,
    schedule: (step) => rates[step]!,
    optimizer,
    clipNorm,
    onStep: (record) => records.push(record),
  });
  return records;
}

/** tokens [step, batch, length + 1]: inputs and, one further, their targets. */
function batchesOf(fixture: Fixture): BatchSource<TrainingBatch> {
  const [, batch, width] = fixture.tensor("tokens").shape as [number, number, number];
  const tokens = fixture.i32("tokens");
  const length = width - 1;
  let step = 0;
  return {
    tokensPerBatch: batch * length,
    next: () => {
      const first = step++ * batch * width;
      const shifted = (by: number): Int32Array =>
        Int32Array.from(
          { length: batch * length },
          (_, i) => tokens[first + Math.floor(i / length) * width + (i % length) + by]!,
        );
      return { batch, length, inputs: shifted(0), targets: shifted(1) };
    },
    cursor: () => step,
    seek: (cursor) => {
      step = cursor as number;
    },
  };
}

/** The fixture states AdamW's settings in words. @throws Error for one that is not there. */
function settingsOf(description: string): Settings {
  const find = (what: string, pattern: RegExp): number[] => {
    const found = pattern.exec(description)?.slice(1).map(Number);
    if (!found?.every(Number.isFinite)) throw new Error(`description: no ${what} in "${description}"`);
    return found;
  };
  const [beta1, beta2] = find("betas", /betas ([\d.]*\d)\/([\d.]*\d)/);
  const [eps] = find("eps", /eps ([\d.e-]*\d)/);
  const [weightDecay] = find("weight decay", /weight decay ([\d.]*\d)/);
  const [clipNorm] = find("clip", /clip ([\d.]*\d)/);
  return { betas: [beta1!, beta2!], eps: eps!, weightDecay: weightDecay!, clipNorm: clipNorm! };
}
