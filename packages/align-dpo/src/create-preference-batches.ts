/*
 * Batches of pairs without end. Every epoch visits all pairs in an order drawn from (seed, epoch) alone, and a batch may
 * run over into the next epoch, so that no pair is left out. All state is a cursor.
 */
import { createEpochOrder, type EpochCursor } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import type { BatchSource } from "@ds3/trainer";
import { type PackPairsOptions, type PairRows, packPairs, requirePairs } from "./pack-pairs.ts";
import { requireReference } from "./require-reference.ts";
import type { PreferencePair, ReferenceLogProbs } from "./types.ts";

/** Options of `createPreferenceBatches`. */
export interface PreferenceBatchOptions extends PackPairsOptions {
  /** Pairs of a batch. */
  readonly batch: number;
  /** What `computeReferenceLogProbs` gave for the same pairs. */
  readonly reference: ReferenceLogProbs;
  /** Order of the pairs. Default 0. */
  readonly seed?: number;
}

/** P pairs in rows, with what the reference says of them. */
export interface PreferenceBatch extends PairRows {
  /** [P] which pairs. */
  readonly pairs: Int32Array;
  /** [2P] summed reference log-probs: chosen of all pairs, then rejected. */
  readonly referenceLogProbs: Float32Array;
}

/** Batches of pairs for the trainer. */
export interface PreferenceBatches extends BatchSource<PreferenceBatch> {
  /** Pairs of an epoch. */
  readonly pairs: number;
  /** Tokens that are not padding; prompts count once for each completion. */
  tokensPerBatch(batch: PreferenceBatch): number;
  next(): PreferenceBatch;
  /** In pairs. */
  cursor(): EpochCursor;
}

/**
 * A batch source of preference pairs.
 *
 * @throws EmptyDataError naming a prompt or completion without tokens, or for no pairs; ShapeError when the reference is
 * of another number of pairs; OutOfRangeError for an option out of its range, a pair longer than `length`, or a cursor of
 * other data.
 */
export function createPreferenceBatches(
  pairs: readonly PreferencePair[],
  options: PreferenceBatchOptions,
): PreferenceBatches {
  const { batch, reference, seed = 0, ...packing } = options;
  requireBatch("createPreferenceBatches", batch);
  requirePairs("createPreferenceBatches", pairs);
  requireReference("createPreferenceBatches", reference, pairs.length);
  const order = createEpochOrder(pairs.length, { seed });
  return {
    pairs: pairs.length,
    tokensPerBatch: ({ tokenCount }) => tokenCount,
    next: () => {
      const chosen = Int32Array.from({ length: batch }, order.next);
      const rows = packPairs(
        Array.from(chosen, (pair) => pairs[pair]!),
        packing,
      );
      return { ...rows, pairs: chosen, referenceLogProbs: pick(reference, chosen) };
    },
    cursor: order.cursor,
    seek: order.seek,
  };
}

function pick({ chosen, rejected }: ReferenceLogProbs, pairs: Int32Array): Float32Array {
  return Float32Array.from([...Array.from(pairs, (p) => chosen[p]!), ...Array.from(pairs, (p) => rejected[p]!)]);
}

/** Checks the number of pairs in a batch. @throws OutOfRangeError naming it. */
export function requireBatch(op: string, batch: number): void {
  if (Number.isSafeInteger(batch) && batch >= 1) return;
  throw new OutOfRangeError({ op, operand: "batch", expected: "an integer of at least 1", actual: `${batch}` });
}
