import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { OutOfRangeError } from "@ds3/errors";
import { readNewestCheckpoint, writeCheckpoint } from "./checkpoint-store.ts";
import { NonFiniteError, TrainingCheckpointError } from "./errors.ts";
import { type MetricsLog, openMetricsLog } from "./metrics-log.ts";
import { createOptimizer, type Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { createProgressMeter, type Progress } from "./progress.ts";
import { encodeStep, type PendingStep } from "./run-step.ts";
import { loadTrainingState, type RunState, saveTrainingState } from "./training-state.ts";
import type { BatchSource, StepRecord, TrainableModel, ValidationRecord } from "./types.ts";

/** A training run. */
export interface TrainOptions<Batch> {
  readonly model: TrainableModel<Batch>;
  readonly batches: BatchSource<Batch>;
  /** Optimiser steps in all, resumed ones included. */
  readonly steps: number;
  /** Learning rate of a step (from 0) after so many tokens; see `deepseekV3Schedule`. */
  readonly schedule: (step: number, tokens: number) => number;
  readonly optimizer?: OptimizerOptions;
  /** Global gradient norm to clip to. Default 1, as DeepSeek-V3. */
  readonly clipNorm?: number;
  /** Micro-batches of a step: a number, or a batch ramp by step (from 0) and tokens. Default 1. */
  readonly microBatches?: number | ((step: number, tokens: number) => number);
  /** Where checkpoints and metrics.jsonl go; without it nothing is written. */
  readonly folder?: string;
  /** Steps between checkpoints; one is always written at the end and on abort. Default: at the end only. */
  readonly checkpointEvery?: number;
  /** Go on from the newest valid checkpoint in `folder`, if there is one. */
  readonly resume?: boolean;
  /** Whatever must be equal when a run is resumed, e.g. config and seed. Plain JSON. */
  readonly settings?: unknown;
  /** Called before the first step, every `every` steps and after the last one. */
  readonly validate?: {
    readonly every: number;
    readonly run: (step: number, tokens: number) => Promise<Omit<ValidationRecord, "step" | "tokens">>;
  };
  /** Aborting finishes the step, saves a checkpoint and returns. */
  readonly signal?: AbortSignal;
  readonly onStep?: (record: StepRecord) => void;
  readonly onValidation?: (record: ValidationRecord) => void;
  /** At most once a second. */
  readonly onProgress?: (progress: Progress) => void;
  /** Notes for the user: resumed from where, a torn checkpoint passed over, another adapter. */
  readonly onNote?: (text: string) => void;
}

/** How a run ended. */
export interface TrainResult {
  /** Optimiser steps done, resumed ones included. */
  readonly steps: number;
  readonly tokens: number;
  /** True when the signal ended it early. */
  readonly stopped: boolean;
  /** Folder of the last checkpoint written. */
  readonly checkpoint?: string;
}

/**
 * Trains until `steps`, deterministically: the same adapter, seed and settings give the same parameters bit for bit, and
 * N steps, a checkpoint and N more steps equal 2 N steps.
 *
 * @throws NonFiniteError when loss or gradients are NaN or infinite: that step was not applied, and the last checkpoint
 * stays the newest. @throws TrainingCheckpointError when a checkpoint belongs to another run.
 */
export async function train<Batch>(options: TrainOptions<Batch>): Promise<TrainResult> {
  if (!Number.isInteger(options.steps) || options.steps < 1) {
    throw new OutOfRangeError({
      op: "train",
      operand: "steps",
      expected: "an integer >= 1",
      actual: `${options.steps}`,
    });
  }
  return new Run(options).run();
}

class Run<Batch> {
  readonly #options: TrainOptions<Batch>;
  readonly #optimizer: Optimizer;
  readonly #metrics: MetricsLog | undefined;
  #step = 0;
  #tokens = 0;
  #checkpoint: string | undefined;
  #pending: PendingStep | undefined;
  #pendingCursor: unknown;
  #onProgress: (record: StepRecord) => void = () => {};

  constructor(options: TrainOptions<Batch>) {
    this.#options = options;
    this.#optimizer = createOptimizer(options.model.arena, options.optimizer);
    if (options.folder !== undefined) {
      mkdirSync(options.folder, { recursive: true });
      this.#metrics = openMetricsLog(join(options.folder, "metrics.jsonl"));
    }
  }

  async run(): Promise<TrainResult> {
    const { steps, signal } = this.#options;
    await this.#restore();
    this.#startProgress();
    await this.#validate(this.#step === 0);
    while (this.#step < steps && !signal?.aborted) {
      await this.#advance();
      await this.#validate(this.#step === steps || this.#isDue(this.#options.validate?.every));
      if (this.#isDue(this.#options.checkpointEvery) && this.#step < steps) await this.#save();
    }
    await this.#drain();
    await this.#save();
    const ended = { steps: this.#step, tokens: this.#tokens, stopped: this.#step < steps };
    return this.#checkpoint === undefined ? ended : { ...ended, checkpoint: this.#checkpoint };
  }

  /** Encodes a step, then reads the one before: the GPU always has work queued. */
  async #advance(): Promise<void> {
    const { model, batches, schedule, clipNorm = 1, microBatches = 1 } = this.#options;
    const cursor = batches.cursor();
    const pending = encodeStep(model, batches, this.#optimizer, {
      step: this.#step + 1,
      tokens: this.#tokens,
      learningRate: schedule(this.#step, this.#tokens),
      microBatches: typeof microBatches === "number" ? microBatches : microBatches(this.#step, this.#tokens),
      clipNorm,
    });
    const figures = pending.read();
    // Read late: a rejection before that is not unhandled.
    figures.catch(() => {});
    await this.#drain();
    this.#step += 1;
    this.#tokens = pending.tokens;
    this.#pending = { ...pending, read: () => figures };
    this.#pendingCursor = cursor;
  }

  async #drain(): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending) return;
    const { record, finite } = await pending.read();
    if (!finite) throw this.#nonFinite(record);
    this.#metrics?.append(record);
    this.#options.onStep?.(record);
    this.#onProgress(record);
  }

  async #validate(isDue: boolean): Promise<void> {
    const { validate, onValidation } = this.#options;
    if (!validate || !isDue) return;
    await this.#drain();
    const result = await validate.run(this.#step, this.#tokens);
    const record = { step: this.#step, tokens: this.#tokens, ...result };
    this.#metrics?.append(record);
    onValidation?.(record);
  }

  async #save(): Promise<void> {
    const { folder, model, batches, settings = null } = this.#options;
    if (folder === undefined) return;
    await this.#drain();
    const state: RunState = {
      step: this.#step,
      tokens: this.#tokens,
      cursor: batches.cursor(),
      settings,
      adapter: this.#adapter(),
    };
    const own = await saveTrainingState(model.arena, this.#optimizer, state);
    this.#checkpoint = await writeCheckpoint(join(folder, "checkpoints"), this.#step, {
      ...(await model.save()),
      ...own,
    });
  }

  async #restore(): Promise<void> {
    const { folder, resume, model, batches, onNote, settings = null } = this.#options;
    if (!resume || folder === undefined) {
      this.#metrics?.rewind(-1);
      return;
    }
    const stored = await readNewestCheckpoint(join(folder, "checkpoints"), (error) =>
      onNote?.(`passed over: ${error.message}`),
    );
    this.#metrics?.rewind(stored?.step ?? -1);
    if (!stored) return;
    const state = loadTrainingState(stored.files, model.arena, this.#optimizer);
    assertSame("settings", stored.folder, settings, state.settings);
    await model.load(stored.files);
    batches.seek(state.cursor);
    this.#step = state.step;
    this.#tokens = state.tokens;
    this.#checkpoint = stored.folder;
    onNote?.(`resumed from ${stored.folder} at step ${state.step}`);
    if (JSON.stringify(state.adapter) !== JSON.stringify(this.#adapter())) {
      onNote?.("the adapter or its kernels differ from the saved run's: results go on close, but not bit for bit");
    }
  }

  #startProgress(): void {
    const { onProgress, steps } = this.#options;
    if (!onProgress) return;
    const meter = createProgressMeter(steps, this.#step);
    this.#onProgress = (record) => {
      const progress = meter(record);
      if (progress) onProgress(progress);
    };
  }

  #adapter(): unknown {
    const { adapter, target } = this.#options.model.gpu;
    return { name: adapter.name, ...target };
  }

  #isDue(every: number | undefined): boolean {
    return every !== undefined && this.#step % every === 0;
  }

  #nonFinite({ step, loss, gradientNorm }: StepRecord): NonFiniteError {
    return new NonFiniteError({
      op: "train",
      operand: `step ${step}, batch at ${JSON.stringify(this.#pendingCursor)}`,
      expected: "a finite loss and gradient norm",
      actual: `loss ${loss}, gradient norm ${gradientNorm}`,
      hint: `The step was not applied. Look at that batch or lower the learning rate${this.#checkpoint ? `; the last checkpoint is ${this.#checkpoint}` : ""}.`,
    });
  }
}

function assertSame(operand: string, folder: string, wanted: unknown, stored: unknown): void {
  if (JSON.stringify(wanted) === JSON.stringify(stored)) return;
  throw new TrainingCheckpointError({
    op: "resume",
    operand: `${operand} of ${folder}`,
    expected: JSON.stringify(wanted),
    actual: JSON.stringify(stored),
    hint: "Start with the same settings, or in another folder.",
  });
}
