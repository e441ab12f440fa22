import { OutOfRangeError } from "@ds3/errors";
import { IGNORED_TARGET } from "@ds3/tensor";
import type { BatchSource } from "./types.ts";

/** Batches in an order that can be gone back to, at once or later: those of `createBatches` or `createLoader`. */
export interface CursorIterator<Rows> {
  next(): IteratorResult<Rows, undefined> | Promise<IteratorResult<Rows, undefined>>;
  cursor(): unknown;
  seek(cursor: unknown): void;
}

/** What is read of a batch to know how much it counts among others. */
export interface WeighedRows {
  /** [B, T] ids, or -100: not counted. */
  readonly targets?: Int32Array;
  /** [B, T] how much each target counts. */
  readonly weights?: Float32Array;
}

/** What a model is told of the shape of a batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of a row. */
  readonly length: number;
}

/**
 * An iterator with a cursor as a source of batches, each of `shape`. A batch with `weights` counts in its step by the sum
 * of its counted targets' weights, so that documents of equal weight count alike in all of a step's micro-batches, and one of
 * weight 0 is not run; a batch without counts 1.
 *
 * Its `next` rejects with OutOfRangeError when the iterator ends: leave its `epochs` out.
 */
export function batchSource<Rows extends WeighedRows>(
  iterator: CursorIterator<Rows>,
  shape: BatchShape,
): BatchSource<Rows & BatchShape> & { readonly tokensPerBatch: number; weightOf(rows: WeighedRows): number } {
  return {
    tokensPerBatch: shape.batch * shape.length,
    async next() {
      const { value } = await iterator.next();
      if (value === undefined) throw ended(iterator.cursor());
      return { ...value, ...shape };
    },
    weightOf,
    cursor: () => iterator.cursor(),
    seek: (cursor) => iterator.seek(cursor),
  };
}

function weightOf({ targets, weights }: WeighedRows): number {
  if (weights === undefined) return 1;
  return weights.reduce((sum, weight, i) => sum + (targets?.[i] === IGNORED_TARGET ? 0 : weight), 0);
}

function ended(cursor: unknown): OutOfRangeError {
  const operand = `batches at ${JSON.stringify(cursor)}`;
  const hint = "Leave `epochs` out where batches are made: steps say how long a run is.";
  return new OutOfRangeError({ op: "train", operand, expected: "batches without end", actual: "the end", hint });
}
