import { OutOfRangeError } from "@ds3/errors";
import type { OptimizerOptions } from "./optimizer.ts";
import type { Progress } from "./progress.ts";
import type { BatchSource, StepRecord, TrainableModel, ValidationRecord } from "./types.ts";

/** A training run. */
export interface TrainOptions<Batch> {
  readonly model: TrainableModel<Batch>;
  readonly batches: BatchSource<Batch>;
  /**
   * A batch of the shapes to come, whose values do not matter: the kernels of a step compile while folder, checkpoint and
   * first batch are read. Changes no result. See `rehearseTraining`, which can begin before there is a model.
   */
  readonly rehearsal?: Batch;
  /** Optimiser steps in all, resumed ones included. */
  readonly steps: number;
  /** Learning rate of a step (from 0) after so many tokens, e.g. by `learningRate` of a schedule. */
  readonly schedule: (step: number, tokens: number) => number;
  readonly optimizer?: OptimizerOptions;
  /** Global gradient norm to clip to; Infinity: no clipping. Default 1, as DeepSeek-V3. */
  readonly clipNorm?: number;
  /**
   * Micro-batches of a step: a number, or whole numbers by step (from 0) and tokens, e.g. a batch ramp:
   * `(step, tokens) => Math.round(batchSequences(ramp, tokens) / rowsPerBatch)`. Default 1.
   */
  readonly microBatches?: number | ((step: number, tokens: number) => number);
  /** Where `checkpoints/` and `metrics.jsonl` go; without it nothing is written. */
  readonly folder?: string;
  /** Steps between checkpoints; one is always written at the end and on abort. Default: then only. */
  readonly checkpointEvery?: number;
  /** Checkpoints to keep. Default 2. */
  readonly keepCheckpoints?: number;
  /**
   * Go on from the newest whole checkpoint in `folder`, or start when there is none. Without it the run starts anew; an
   * earlier run's checkpoints and metrics go to `<folder>/previous`, in place of what was there.
   */
  readonly resume?: boolean;
  /**
   * Go on though the device's kernels are not those that the run was saved with; said in a note. Default: such a run is
   * refused, see `kernelTableOf`.
   */
  readonly acceptKernels?: boolean;
  /** Whatever must be equal when a run is resumed, e.g. config, schedule and seed. Plain JSON. */
  readonly settings?: unknown;
  /** `run` is called before the first step, every `every` steps and after the last one, e.g. with `evaluate`. */
  readonly validate?: {
    readonly every: number;
    readonly run: (step: number, tokens: number) => Promise<Omit<ValidationRecord, "step" | "tokens">>;
  };
  /**
   * Aborting finishes the step, or drops it when the run still waits for its batches, saves a checkpoint and returns; see
   * `abortOnSignals`.
   */
  readonly signal?: AbortSignal;
  /** Every step's figures, once they are here: while the next step runs. */
  readonly onStep?: (record: StepRecord) => void;
  readonly onValidation?: (record: ValidationRecord) => void;
  /** At most once a second, and at the last step. */
  readonly onProgress?: (progress: Progress) => void;
  /** Notes for the user: resumed from where, a torn checkpoint passed over, another adapter, an earlier run moved. */
  readonly onNote?: (text: string) => void;
}

/** How a run ended. */
export interface TrainResult {
  /** Optimiser steps done, resumed ones included. */
  readonly steps: number;
  readonly tokens: number;
  /** True when the signal ended it early. */
  readonly stopped: boolean;
  /** Folder of the newest checkpoint; absent without `folder`. */
  readonly checkpoint?: string;
}

/** @throws OutOfRangeError naming the first option that makes no sense. */
export function checkTrainOptions<Batch>(options: TrainOptions<Batch>): void {
  const { steps, checkpointEvery, keepCheckpoints, validate, clipNorm = 1, microBatches } = options;
  requireCount("steps", steps);
  requireCount("checkpointEvery", checkpointEvery ?? 1);
  requireCount("keepCheckpoints", keepCheckpoints ?? 1);
  requireCount("validate.every", validate?.every ?? 1);
  if (typeof microBatches === "number") requireCount("microBatches", microBatches);
  if (clipNorm > 0) return;
  throw new OutOfRangeError({ op: "train", operand: "clipNorm", expected: "a number above 0", actual: `${clipNorm}` });
}

/** Micro-batches of a step. @throws OutOfRangeError when a ramp gives no whole number >= 1. */
export function microBatchesAt<Batch>(options: TrainOptions<Batch>, step: number, tokens: number): number {
  const { microBatches = 1 } = options;
  if (typeof microBatches === "number") return microBatches;
  const count = microBatches(step, tokens);
  requireCount(`microBatches(${step}, ${tokens})`, count);
  return count;
}

function requireCount(operand: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new OutOfRangeError({ op: "train", operand, expected: "an integer >= 1", actual: `${value}` });
}
