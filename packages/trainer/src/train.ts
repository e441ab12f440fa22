/*
 * The training loop. A step is encoded while the GPU still works on the one before; only then are the figures of the one
 * before read. So the GPU never waits for the host, and the host learns of a failure one step late: AdamW refuses a step
 * that is not finite on the GPU, and every step after it (see carry-failure.ts).
 *
 * A run's state is: parameters and non-trained state (the model's files), AdamW's moments and step count, tokens, and the
 * cursor of the batch source. All else follows from the options, so a run that is resumed repeats every bit.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NonFiniteError, TrainingCheckpointError } from "./errors.ts";
import { firstDifference } from "./first-difference.ts";
import { kernelDifference, kernelsChanged, kernelsInUse } from "./kernels-in-use.ts";
import { type MetricsLog, openMetricsLog } from "./metrics-log.ts";
import { fetchMicroBatches, type MicroBatches } from "./micro-batches.ts";
import { CHECKPOINTS, METRICS, moveEarlierRun } from "./move-earlier-run.ts";
import { createOptimizer, type Optimizer } from "./optimizer.ts";
import { createProgressMeter } from "./progress.ts";
import { readNewestCheckpoint } from "./read-newest-checkpoint.ts";
import { rehearseStep } from "./rehearse-training.ts";
import { encodeStep, type PendingStep } from "./run-step.ts";
import { checkTrainOptions, microBatchesAt, type TrainOptions, type TrainResult } from "./train-options.ts";
import { loadTrainingState, type RunState, saveTrainingState } from "./training-state.ts";
import type { ModelFiles, StepRecord } from "./types.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

/**
 * Trains until `steps`, deterministically: the same adapter, seed and settings give the same parameters bit for bit, and
 * N steps, a checkpoint and N more steps equal 2 N steps. Optimiser memory is given back at the end.
 *
 * @throws NonFiniteError when loss or gradients are NaN or infinite: parameters and moments are those before that step, and
 * the last checkpoint stays the newest. TrainingCheckpointError when a checkpoint belongs to another run, all are torn, or
 * the disk refuses one; KernelsChangedError, one of them, when a run would go on with other kernels. OutOfRangeError for
 * an option out of its range. What the batch source throws or rejects with ends the run as it is: every step before is
 * applied and logged, nothing is saved.
 */
export async function train<Batch>(options: TrainOptions<Batch>): Promise<TrainResult> {
  checkTrainOptions(options);
  const optimizer = createOptimizer(options.model.arena, options.optimizer);
  try {
    return await new Run(options, optimizer).run();
  } finally {
    optimizer[Symbol.dispose]();
  }
}

/** A step that was encoded and not yet read. */
interface EncodedStep extends PendingStep {
  /** Where its first batch came from. */
  readonly cursor: unknown;
}

class Run<Batch> {
  readonly #options: TrainOptions<Batch>;
  readonly #optimizer: Optimizer;
  readonly #metrics: MetricsLog | undefined;
  #step = 0;
  #tokens = 0;
  #saved: { readonly step: number; readonly folder: string } | undefined;
  #pending: EncodedStep | undefined;
  #onProgress: (record: StepRecord) => void = () => {};

  constructor(options: TrainOptions<Batch>, optimizer: Optimizer) {
    this.#options = options;
    this.#optimizer = optimizer;
    if (options.folder !== undefined) this.#metrics = openMetricsLog(join(options.folder, METRICS));
  }

  async run(): Promise<TrainResult> {
    const { steps, signal, validate, checkpointEvery } = this.#options;
    this.#rehearse();
    await this.#prepare();
    await this.#options.model.gpu.rehearsed();
    if (this.#saved === undefined) await this.#validate();
    this.#startProgress();
    while (this.#step < steps && !signal?.aborted && (await this.#advance())) {
      if (this.#step === steps || this.#isDue(validate?.every)) await this.#validate();
      if (this.#isDue(checkpointEvery)) await this.#save();
    }
    await this.#drain();
    await this.#save();
    const ended = { steps: this.#step, tokens: this.#tokens, stopped: this.#step < steps };
    return this.#saved === undefined ? ended : { ...ended, checkpoint: this.#saved.folder };
  }

  /** The driver compiles while checkpoint and batches are read. */
  #rehearse(): void {
    const { rehearsal, model, microBatches = 1 } = this.#options;
    const count = typeof microBatches === "number" ? microBatches : 2;
    if (rehearsal !== undefined) rehearseStep(model, rehearsal, this.#optimizer, count);
  }

  /** Encodes a step, then reads the one before: the GPU always has work queued. False: aborted while it had no batch. */
  async #advance(): Promise<boolean> {
    const { model, batches, schedule, clipNorm = 1 } = this.#options;
    const cursor = batches.cursor();
    const microBatches = await this.#fetch();
    if (microBatches === undefined) {
      batches.seek(cursor);
      return false;
    }
    const [step, tokens] = [this.#step, this.#tokens];
    const plan = { step: step + 1, tokens, learningRate: schedule(step, tokens), clipNorm };
    const encoded = encodeStep(model, microBatches, this.#optimizer, plan);
    await this.#drain();
    this.#step += 1;
    this.#tokens = encoded.tokens;
    this.#pending = { ...encoded, cursor };
    return true;
  }

  /** When it fails, the step before is read first: it is applied, so it is logged, and if it failed it was the first. */
  async #fetch(): Promise<MicroBatches<Batch> | undefined> {
    const { batches, signal } = this.#options;
    try {
      return await fetchMicroBatches(batches, microBatchesAt(this.#options, this.#step, this.#tokens), signal);
    } catch (error) {
      await this.#drain();
      throw error;
    }
  }

  /** Reads and logs the figures of the step that was encoded last. */
  async #drain(): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    if (!pending) return;
    const { record, finite } = await pending.figures;
    if (!finite) throw this.#nonFinite(record, pending.cursor);
    this.#metrics?.append(record);
    this.#options.onStep?.(record);
    this.#onProgress(record);
  }

  async #validate(): Promise<void> {
    const { validate, onValidation } = this.#options;
    if (!validate) return;
    await this.#drain();
    const result = await validate.run(this.#step, this.#tokens);
    const record = { step: this.#step, tokens: this.#tokens, ...result };
    this.#metrics?.append(record);
    onValidation?.(record);
  }

  async #save(): Promise<void> {
    const { folder, model, batches, keepCheckpoints, settings = null } = this.#options;
    if (folder === undefined || this.#saved?.step === this.#step) return;
    await this.#drain();
    const [step, tokens, cursor] = [this.#step, this.#tokens, batches.cursor()];
    const kernels = kernelsInUse(model.gpu);
    const state: RunState = { step, tokens, cursor, settings, adapter: this.#adapter(), kernels };
    const own = await saveTrainingState(model.arena, this.#optimizer, state);
    const files = withoutClash(await model.save(), own);
    const written = await writeCheckpoint(join(folder, CHECKPOINTS), step, files, keepCheckpoints);
    this.#saved = { step, folder: written };
  }

  async #prepare(): Promise<void> {
    const { folder, resume, onNote } = this.#options;
    if (folder === undefined) return;
    await makeFolder(folder);
    if (resume) {
      await this.#restore(join(folder, CHECKPOINTS));
      this.#metrics?.rewind(this.#saved?.step ?? -1);
      return;
    }
    const previous = await moveEarlierRun(folder);
    if (previous !== undefined) onNote?.(`an earlier run's checkpoints and metrics are now in ${previous}`);
  }

  /** Checks everything first: a checkpoint that is refused changes nothing. */
  async #restore(root: string): Promise<void> {
    const { model, batches, onNote, settings = null } = this.#options;
    const stored = await readNewestCheckpoint(root, ({ message }) => onNote?.(`passed over: ${message}`));
    if (!stored) return;
    const { state, apply } = loadTrainingState(stored.files, model.arena, this.#optimizer, settings);
    this.#checkKernels(state);
    await model.load(stored.files);
    apply();
    batches.seek(state.cursor);
    this.#step = state.step;
    this.#tokens = state.tokens;
    this.#saved = { step: state.step, folder: stored.folder };
    onNote?.(`resumed from ${stored.folder} at step ${state.step}`);
    if (firstDifference("adapter", this.#adapter(), state.adapter)) {
      onNote?.("the adapter or its kernels differ from the saved run's: results go on close, but not bit for bit");
    }
  }

  #checkKernels({ kernels }: RunState): void {
    const { acceptKernels, model, onNote } = this.#options;
    const difference = kernelDifference(model.gpu, kernels);
    if (!difference) return;
    const error = kernelsChanged(model.gpu, kernels!, difference);
    if (!acceptKernels) throw error;
    onNote?.(`${error.operand}: ${error.expected}, now ${error.actual}: accepted, not bit for bit the saved run's`);
  }

  #startProgress(): void {
    const { onProgress, steps } = this.#options;
    if (!onProgress) return;
    const meter = createProgressMeter({ steps, startStep: this.#step, startTokens: this.#tokens });
    this.#onProgress = (record) => {
      const progress = meter(record);
      if (progress) onProgress(progress);
    };
  }

  #adapter(): unknown {
    const { adapter, target } = this.#options.model.gpu;
    return { name: adapter.name, software: target.software, subgroupSize: target.subgroupSize };
  }

  #isDue(every: number | undefined): boolean {
    return every !== undefined && this.#step % every === 0;
  }

  #nonFinite({ step, loss, gradientNorm }: StepRecord, cursor: unknown): NonFiniteError {
    const checkpoint = this.#saved ? `; the last checkpoint is ${this.#saved.folder}` : "";
    return new NonFiniteError({
      op: "train",
      operand: `step ${step}, batch at ${JSON.stringify(cursor)}`,
      expected: "a finite loss and gradient norm",
      actual: `loss ${loss}, gradient norm ${gradientNorm}`,
      hint: `The step was not applied. Look at that batch or lower the learning rate${checkpoint}.`,
    });
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: Error) => {
    throw new TrainingCheckpointError({
      op: "train",
      operand: folder,
      expected: "a folder that can be written",
      actual: cause.message,
      hint: "Choose another folder for checkpoints and metrics.",
      cause,
    });
  });
}

function withoutClash(model: ModelFiles, own: ModelFiles): ModelFiles {
  const name = Object.keys(own).find((key) => Object.hasOwn(model, key));
  if (name === undefined) return { ...model, ...own };
  throw new TrainingCheckpointError({
    op: "save",
    operand: name,
    expected: "model files with names other than the trainer's own",
    actual: "a file of that name from model.save()",
  });
}
