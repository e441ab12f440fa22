import { type Batch, createBatches, packTokens } from "@ds3/data";
import { createDeepseek, type DeepseekModel, deepseekV3, type TrainingBatch } from "@ds3/deepseek";
import type { Gpu } from "@ds3/tensor";
import {
  type BatchSource,
  deepseekV3Schedule,
  learningRate,
  scaleSchedule,
  type TrainOptions,
  train,
} from "../src/index.ts";

export const SEQUENCE_LENGTH = 16;
export const BATCH_SIZE = 2;
const vocabSize = 64;

/** Experts, their biases and a multi-token prediction module, as small as they get. */
export const config = deepseekV3("tiny", {
  vocabSize,
  hiddenSize: 32,
  intermediateSize: 64,
  moeIntermediateSize: 16,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  qLoraRank: 16,
  kvLoraRank: 16,
  qkNopeHeadDim: 8,
  qkRopeHeadDim: 8,
  vHeadDim: 8,
  nRoutedExperts: 4,
});

/** A model with biases that move fast, so that a lost one shows. */
export function createTiny(gpu: Gpu, seed = 1): DeepseekModel {
  return createDeepseek(gpu, config, { seed, biasUpdateSpeed: 0.01 });
}

/** Packed documents of counting tokens, shuffled: an epoch is 14 rows, so that batches cross its end. */
export function createTinyBatches(): { next(): TrainingBatch } & BatchSource<TrainingBatch> {
  const document = (i: number): number[] => Array.from({ length: 20 }, (_, k) => 1 + ((i * 5 + k) % (vocabSize - 1)));
  const packed = packTokens(
    Array.from({ length: 10 }, (_, i) => document(i)),
    { eosId: 0 },
  );
  const batches = createBatches({ ...packed, sequenceLength: SEQUENCE_LENGTH, batchSize: BATCH_SIZE, seed: 3 });
  return {
    tokensPerBatch: SEQUENCE_LENGTH * BATCH_SIZE,
    next: () => toTrainingBatch(batches.next().value!),
    cursor: () => batches.cursor(),
    seek: (cursor) => batches.seek(cursor as { epoch: number; index: number }),
  };
}

function toTrainingBatch({ inputs, targets }: Batch): TrainingBatch {
  return { inputs, targets, batch: BATCH_SIZE, length: SEQUENCE_LENGTH };
}

/** Trains it for `steps` with two micro-batches a step and bf16 moments, as DeepSeek-V3 keeps them. */
export function trainTiny(
  model: DeepseekModel,
  folder: string,
  options: Pick<TrainOptions<TrainingBatch>, "steps"> & Partial<TrainOptions<TrainingBatch>>,
): ReturnType<typeof train> {
  const length = { totalSteps: 12, totalTokens: 12 * 2 * SEQUENCE_LENGTH * BATCH_SIZE };
  const schedule = { ...scaleSchedule(deepseekV3Schedule, length), peak: 0.01 };
  return train({
    model,
    batches: createTinyBatches(),
    schedule: (step, tokens) => learningRate(schedule, step, tokens),
    microBatches: 2,
    optimizer: { moments: "bf16" },
    folder,
    settings: { config, schedule },
    ...options,
  });
}
