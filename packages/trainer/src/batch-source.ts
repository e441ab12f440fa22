import { OutOfRangeError } from "@ds3/errors";
import type { BatchSource } from "./types.ts";

/** Batches in an order that can be gone back to, at once or later: those of `createBatches` or `createLoader`. */
export interface CursorIterator<Rows> {
  next(): IteratorResult<Rows, undefined> | Promise<IteratorResult<Rows, undefined>>;
  cursor(): unknown;
  seek(cursor: unknown): void;
}

/** What a model is told of the shape of a batch. */
export interface BatchShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of a row. */
  readonly length: number;
}

/**
 * An iterator with a cursor as a source of batches, each of `shape`.
 *
 * Its `next` rejects with OutOfRangeError when the iterator ends: leave its `epochs` out.
 */
export function batchSource<Rows>(
  iterator: CursorIterator<Rows>,
  shape: BatchShape,
): BatchSource<Rows & BatchShape> & { readonly tokensPerBatch: number } {
  return {
    tokensPerBatch: shape.batch * shape.length,
    async next() {
      const { value } = await iterator.next();
      if (value === undefined) throw ended(iterator.cursor());
      return { ...value, ...shape };
    },
    cursor: () => iterator.cursor(),
    seek: (cursor) => iterator.seek(cursor),
  };
}

function ended(cursor: unknown): OutOfRangeError {
  const operand = `batches at ${JSON.stringify(cursor)}`;
  const hint = "Leave `epochs` out where batches are made: steps say how long a run is.";
  return new OutOfRangeError({ op: "train", operand, expected: "batches without end", actual: "the end", hint });
}
