import type { CosineSchedule, TrainableModel, TrainOptions } from "@ds3/trainer";
import type { SftBatch } from "./create-sft-batches.ts";
import type { SftSample } from "./encode-chats.ts";
import type { PackSamplesOptions } from "./pack-samples.ts";
import type { Completion, RepetitionOptions } from "./repetition-rate.ts";

/** Half a cosine from `peak` to `floor` over the stage, after a warm-up that is 0 steps by default. */
export type SftSchedule = Partial<Pick<CosineSchedule, "peak" | "floor" | "warmupSteps">>;

/** DeepSeek-V3's: half a cosine from 5e-6 to 1e-6 (report, section 5.1). */
export const sftSchedule: Readonly<Required<SftSchedule>> = Object.freeze({ peak: 5e-6, floor: 1e-6, warmupSteps: 0 });

/** One stage of fine-tuning: on some sources, for some time, with a schedule and optimiser state of its own. */
export type SftStage = {
  /** Names the stage's folder and its lines: letters, digits, `-`, `_` and `.`. */
  readonly name: string;
  /** Sources whose samples are learned. Default: all samples. */
  readonly sources?: readonly string[];
  /** Default `sftSchedule`; values that are given replace its. */
  readonly schedule?: SftSchedule;
} & (
  | { /** Times that every row is learned, not always whole. */ readonly epochs: number; readonly steps?: never }
  | { /** Optimiser steps. */ readonly steps: number; readonly epochs?: never }
);

/** How completions are drawn whose repetition rate is measured. */
export interface SftSampling extends RepetitionOptions {
  /** Token ids of each, e.g. by `encodePrompt`. */
  readonly prompts: readonly Int32Array[];
  /** One completion or more for each prompt, by the model as it is; `generate` of @ds3/deepseek fits with its options bound. */
  readonly generate: (prompts: readonly Int32Array[]) => Promise<readonly Completion[]>;
}

/** A stage that is about to begin or go on. */
export interface StageStart {
  readonly name: string;
  readonly steps: number;
  /** Samples with something to learn. */
  readonly samples: number;
  /** Rows of an epoch. */
  readonly rows: number;
  /** Share of the rows' places that is not padding. */
  readonly usedShare: number;
}

/** Options that `train` gets as they are, for each stage. */
export const fromTraining = [
  "optimizer",
  "clipNorm",
  "checkpointEvery",
  "keepCheckpoints",
  "validate",
  "signal",
  "onStep",
  "onValidation",
  "onProgress",
] as const;

/** Options that `train` gets as they are. */
export type ForTraining = Pick<TrainOptions<SftBatch>, (typeof fromTraining)[number]>;

/** A fine-tuning run. Options that are not said here are `train`'s, for each stage. */
export interface FineTuneOptions extends ForTraining, PackSamplesOptions {
  /** All its parameters are trained; a DeepseekModel is one. */
  readonly model: TrainableModel<SftBatch>;
  readonly samples: readonly SftSample[];
  /** In their order; each goes on from the model of the one before. */
  readonly stages: readonly SftStage[];
  /** Rows of a batch. */
  readonly batch: number;
  /** Batches of an optimiser step. Default 1. */
  readonly microBatches?: number;
  /** Order of the rows. Default 0. */
  readonly seed?: number;
  /** Gets a folder for each stage, with checkpoints and metrics.jsonl, and `stages.jsonl`. */
  readonly folder: string;
  /**
   * Go on where an earlier run with the same samples, stages and options stopped: stages that it finished are loaded, not
   * repeated. Without it an earlier run's stages go to `<folder>/previous`, in place of what was there.
   */
  readonly resume?: boolean;
  /** Measures the repetition rate before the first stage and after each. */
  readonly sample?: SftSampling;
  /** Whatever else must be equal when a run is resumed. Plain JSON. */
  readonly settings?: unknown;
  readonly onStage?: (stage: StageStart) => void;
  readonly onNote?: (text: string) => void;
}

/** How a stage ended. */
export interface StageResult {
  readonly name: string;
  /** Optimiser steps done, resumed ones included. */
  readonly steps: number;
  /** Inputs that were not padding. */
  readonly tokens: number;
  /** Folder of its newest checkpoint. */
  readonly checkpoint: string;
  /** Share of completions that repeat without end; with `sample` only, `after` of a finished stage only. */
  readonly repetitionRate?: { readonly before: number; readonly after?: number };
}

/** How fine-tuning ended. */
export interface FineTuneResult {
  /** Stages that were begun. */
  readonly stages: readonly StageResult[];
  /** True when the signal ended it early. */
  readonly stopped: boolean;
}
