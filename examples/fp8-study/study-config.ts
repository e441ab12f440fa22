import { type DeepseekConfig, deepseekV3 } from "@ds3/deepseek";

/** Everything about the study that is fixed before its runs. */
export interface StudyPlan {
  /** Optimiser steps of a run. */
  readonly steps: number;
  /** Each seed is a pair of runs: the same first weights, the same batches. */
  readonly seeds: readonly number[];
  /** Steps of the ablation's runs, and between two measurements on the held-out text. */
  readonly ablationSteps: number;
  /** Whose course the diagnosis looks at: the one that FP8 left furthest. */
  readonly diagnosisSeed: number;
  /** Steps of the diagnosis's runs. */
  readonly diagnosisSteps: number;
  /** s of the outliers that the ablation's runs train with, a power of two. */
  readonly plantedFactor: number;
  /** Windows of a batch. */
  readonly batchSize: number;
  /** Tokens of a window. */
  readonly sequenceLength: number;
  /** Most tokens that the tokenizer may have. */
  readonly vocabSize: number;
  /** Highest rate of the cosine schedule with its warm-up over a tenth of the steps. */
  readonly peakLearningRate: number;
  /** gamma: how far a step moves an expert's bias. */
  readonly biasUpdateSpeed: number;
  /** Share of the documents that are never trained on. */
  readonly heldOutFraction: number;
  /** Most batches that the held-out loss is measured on. */
  readonly heldOutBatches: number;
  /** Steps that a killed run may lose. */
  readonly checkpointEvery: number;
}

/** The study as docs/fp8-study.md reports it. */
export const studyPlan: StudyPlan = {
  steps: 2000,
  seeds: [0, 1, 2],
  ablationSteps: 500,
  diagnosisSeed: 1,
  diagnosisSteps: 600,
  plantedFactor: 2 ** 16,
  batchSize: 2,
  sequenceLength: 320,
  vocabSize: 1024,
  peakLearningRate: 1e-3,
  // Differs from the paper: ten times its 0.001, as in the other examples, so that few steps balance the experts.
  biasUpdateSpeed: 0.01,
  heldOutFraction: 0.05,
  heldOutBatches: 64,
  checkpointEvery: 100,
};

/**
 * A small DeepSeek-V3, two layers of which the first is dense, with at least two tiles of 128 along the k of every product
 * that FP8 quantises, for tokens of at least 256 a batch: with one tile a row there would be one scale a row, and nothing
 * to promote. `productsOf` lists each product's K.
 */
export function studyConfig(vocabSize: number): DeepseekConfig {
  return deepseekV3("mini", {
    vocabSize,
    hiddenSize: 256,
    intermediateSize: 512,
    moeIntermediateSize: 256,
    numHiddenLayers: 2,
    firstKDenseReplace: 1,
    numNextnPredictLayers: 0,
    numAttentionHeads: 4,
    qLoraRank: 256,
    kvLoraRank: 256,
    qkNopeHeadDim: 48,
    qkRopeHeadDim: 16,
    vHeadDim: 64,
    nRoutedExperts: 4,
    numExpertsPerTok: 2,
    nSharedExperts: 1,
  });
}
