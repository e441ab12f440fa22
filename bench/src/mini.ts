import {
  countParameters,
  createDeepseek,
  type DeepseekConfig,
  type DeepseekModel,
  type DeepseekOptions,
  deepseekV3,
  type TrainingBatch,
} from "@ds3/deepseek";
import type { Gpu } from "@ds3/tensor";
import type { BatchSource } from "@ds3/trainer";
import { seededIds } from "./seeded-values.ts";

/** The mini preset, seeded. */
export function createMini(gpu: Gpu, options: DeepseekOptions = {}): DeepseekModel {
  return createDeepseek(gpu, deepseekV3("mini"), { seed: 1, ...options });
}

/** Rows of random tokens, each target the next token of its row. */
export function randomBatch({ vocabSize }: DeepseekConfig, batch: number, length: number): TrainingBatch {
  const ids = seededIds(batch * (length + 1), vocabSize);
  const rows = (shift: number): Int32Array =>
    Int32Array.from(
      { length: batch * length },
      (_, i) => ids[Math.floor(i / length) * (length + 1) + (i % length) + shift]!,
    );
  return { inputs: rows(0), targets: rows(1), batch, length };
}

/** The same batch at every step. */
export function constantBatches<Batch>(batch: Batch, tokensPerBatch: number): BatchSource<Batch> {
  return { tokensPerBatch, next: () => batch, cursor: () => 0, seek: () => {} };
}

/** Floating-point operations of a training token: forward, and backward twice forward's; masked attention left out. */
export function trainingFlops(config: DeepseekConfig, length: number): number {
  const { numAttentionHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim, numHiddenLayers } = config;
  const attention = numHiddenLayers * numAttentionHeads * (length + 1) * (qkNopeHeadDim + qkRopeHeadDim + vHeadDim);
  return 3 * (2 * countParameters(config).active + attention);
}
