/*
 * Batches of packed conversations without end. Samples are packed once; every epoch visits all rows in an order drawn from
 * (seed, epoch) alone, and a batch may run over into the next epoch, so that no row is left out. All state is a cursor.
 */
import { createEpochOrder, type EpochCursor } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import { IGNORED_TARGET } from "@ds3/tensor";
import type { BatchSource, TokenRows } from "@ds3/trainer";
import type { SftSample } from "./encode-chats.ts";
import { type PackSamplesOptions, packSamples, type SftRows } from "./pack-samples.ts";

/** Options of `createSftBatches`. */
export interface SftBatchOptions extends PackSamplesOptions {
  /** Rows of a batch. */
  readonly batch: number;
  /** Order of the rows. Default 0. */
  readonly seed?: number;
}

/** Rows of conversations that cannot see each other, in the form in which `DeepseekModel.loss` takes them. */
export interface SftBatch extends TokenRows {
  /** [batch x length] the next token where an assistant writes it, else -100. */
  readonly targets: Int32Array;
  /** [batch x length] place in the conversation, from 0. */
  readonly positions: Int32Array;
  /** [batch x length] number of the conversation within its row. */
  readonly documentIds: Int32Array;
  /** Targets that are not -100: the batch's weight within its step. */
  readonly targetCount: number;
  /** Inputs that are not padding. */
  readonly tokenCount: number;
}

/** Batches for the trainer, with what was packed. */
export interface SftBatches extends BatchSource<SftBatch> {
  /** Samples with something to learn, which are in the rows. */
  readonly samples: number;
  /** Rows of an epoch. */
  readonly rows: number;
  /** Inputs of a row. */
  readonly length: number;
  /** Targets of an epoch. */
  readonly targetCount: number;
  /** Share of the rows' places that is not padding. */
  readonly usedShare: number;
  /** Inputs that are not padding. */
  tokensPerBatch(batch: SftBatch): number;
  /** Counted targets: with it, every token of an assistant weighs the same in a step of several batches. */
  weightOf(batch: SftBatch): number;
  next(): SftBatch;
  /** In rows. */
  cursor(): EpochCursor;
}

/**
 * A batch source of conversations: several in a row, each seeing itself only, positions from 0 in each, and only tokens
 * that an assistant writes as targets. A sample without a target is left out, so every batch has targets.
 *
 * @throws EmptyDataError when no sample has a target; OutOfRangeError for an option out of its range, a sample that is too
 * long for `length`, or a cursor of other data; ShapeError for a mask of another length than its ids.
 */
export function createSftBatches(samples: readonly SftSample[], options: SftBatchOptions): SftBatches {
  const { batch, seed = 0 } = options;
  requireBatch(batch);
  const rows = packSamples(samples, options);
  const order = createEpochOrder(rows.batch, { seed });
  return {
    samples: rows.samples,
    rows: rows.batch,
    length: rows.length,
    targetCount: countTargets(rows.targets),
    usedShare: sum(rows.usedByRow) / rows.inputs.length,
    tokensPerBatch: ({ tokenCount }) => tokenCount,
    weightOf: ({ targetCount }) => targetCount,
    next: () => assemble(rows, Array.from({ length: batch }, order.next)),
    cursor: order.cursor,
    seek: order.seek,
  };
}

function assemble(all: SftRows, rows: readonly number[]): SftBatch {
  const { length } = all;
  const pick = (from: Int32Array): Int32Array => {
    const picked = new Int32Array(rows.length * length);
    for (const [b, row] of rows.entries()) picked.set(from.subarray(row * length, (row + 1) * length), b * length);
    return picked;
  };
  const targets = pick(all.targets);
  return {
    inputs: pick(all.inputs),
    targets,
    positions: pick(all.positions),
    documentIds: pick(all.documentIds),
    batch: rows.length,
    length,
    targetCount: countTargets(targets),
    tokenCount: sum(rows.map((row) => all.usedByRow[row]!)),
  };
}

function countTargets(targets: Int32Array): number {
  return targets.reduce((count, target) => count + (target === IGNORED_TARGET ? 0 : 1), 0);
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function requireBatch(batch: number): void {
  if (Number.isSafeInteger(batch) && batch >= 1) return;
  const expected = "an integer of at least 1";
  throw new OutOfRangeError({ op: "createSftBatches", operand: "batch", expected, actual: `${batch}` });
}
