import type { Arena, Gpu, Tensor } from "@ds3/tensor";

/** The loss of one micro-batch. */
export interface LossOutput {
  /** The scalar [1] that is minimised: the weighted sum of the terms. */
  readonly total: Tensor;
  /** Scalars [1] that are logged under their names, e.g. `main`, `mtp`, `balance`. */
  readonly terms: Readonly<Record<string, Tensor>>;
}

/** Files of a model, by file name: config.json, model.safetensors and the like. */
export type ModelFiles = Readonly<Record<string, Uint8Array>>;

/** What the trainer asks of a model: any loss over parameters in an arena. */
export interface TrainableModel<Batch> {
  readonly gpu: Gpu;
  readonly arena: Arena;
  /** Encodes forward and loss of a micro-batch, without waiting; a tape is open. */
  loss(batch: Batch): LossOutput;
  /** After each optimiser step, e.g. to move expert biases by the loads of all micro-batches. */
  afterStep?(): void;
  /** Tokens per expert since the last step, [layers, experts] u32, before `afterStep` clears them. */
  expertLoads?(): Tensor | undefined;
  /**
   * The model as files, parameters and non-trained state included, in a layout that `load` reads back exactly; `arenaFiles`
   * does it for an arena. `optimizer.safetensors`, `state.json` and `manifest.json` are the trainer's own.
   */
  save(): Promise<ModelFiles>;
  /** Gets the trainer's own files as well. Refuses another model's files before it writes anything. */
  load(files: ModelFiles): Promise<void>;
}

/**
 * Batches in an order that depends on the seed alone, from a position that can be saved; or batches that are made as the
 * run goes on, e.g. samples of the model itself.
 */
export interface BatchSource<Batch> {
  /** Training tokens in each batch, or in a given one. */
  readonly tokensPerBatch: number | ((batch: Batch) => number);
  /**
   * A source does not end: it starts another epoch. All micro-batches of a step are asked for, one after the other, before
   * the step is encoded; what a source runs on the GPU follows the steps so far. While a promise is pending nothing else
   * is asked of the source. One that takes long should watch the run's own `signal` and then reject or return: the run
   * waits for it, drops what it gave and seeks back to where the step began.
   */
  next(): Batch | Promise<Batch>;
  /**
   * Weight of a batch among the micro-batches of its step, >= 0, e.g. its counted targets: a step's loss is the weighted
   * mean of theirs. Batches of weight 0 are not run; a step where all are has loss and gradients 0. Default: 1 each.
   */
  weightOf?(batch: Batch): number;
  /** Where the next batch comes from; plain JSON. */
  cursor(): unknown;
  seek(cursor: unknown): void;
}

/** Everything known of one optimiser step, a line of the metrics file. */
export interface StepRecord {
  /** From 1. */
  readonly step: number;
  /** Training tokens so far, this step included. */
  readonly tokens: number;
  /** Mean over the micro-batches by their weights, in nats for a language model. */
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Tokens per expert, a row a layer; absent for models without experts. */
  readonly expertLoads?: readonly (readonly number[])[];
  readonly microBatches: number;
}

/** A validation result in the metrics file. */
export interface ValidationRecord {
  readonly step: number;
  readonly tokens: number;
  /** Mean nats per token. */
  readonly validationLoss: number;
  /** validationLoss / ln 2 / bytes per token; absent when the bytes are not known. */
  readonly bitsPerByte?: number;
}
