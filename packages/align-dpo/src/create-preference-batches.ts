/*
 * Batches of pairs without end. Every epoch visits all pairs in an order drawn from (seed, epoch) alone, and a batch may
 * run over into the next epoch, so that no pair is left out. All state is a cursor.
 */
import { permutation } from "@ds3/data";
import { OutOfRangeError, ShapeError } from "@ds3/errors";
import type { BatchSource } from "@ds3/trainer";
import { type PackPairsOptions, type PairRows, packPairs, requirePairs } from "./pack-pairs.ts";
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

/** A place in the order of pairs: `index` pairs of `epoch` are consumed. Plain JSON. */
export interface PreferenceCursor {
  readonly epoch: number;
  readonly index: number;
}

/** Batches of pairs for the trainer. */
export interface PreferenceBatches extends BatchSource<PreferenceBatch> {
  /** Pairs of an epoch. */
  readonly pairs: number;
  /** Tokens that are not padding; prompts count once for each completion. */
  tokensPerBatch(batch: PreferenceBatch): number;
  next(): PreferenceBatch;
  cursor(): PreferenceCursor;
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
  requireInteger("createPreferenceBatches", "batch", batch, 1);
  requireInteger("createPreferenceBatches", "seed", seed, 0);
  requirePairs("createPreferenceBatches", pairs);
  requireReference(reference, pairs.length);
  let [epoch, index] = [0, 0];
  let order: { readonly epoch: number; readonly pairs: Uint32Array } | undefined;
  const nextPair = (): number => {
    if (order?.epoch !== epoch) order = { epoch, pairs: permutation(pairs.length, { seed, stream: epoch }) };
    const pair = order.pairs[index]!;
    index += 1;
    if (index === pairs.length) [epoch, index] = [epoch + 1, 0];
    return pair;
  };
  return {
    pairs: pairs.length,
    tokensPerBatch: ({ tokenCount }) => tokenCount,
    next: () => {
      const chosen = Int32Array.from({ length: batch }, nextPair);
      const rows = packPairs(
        Array.from(chosen, (pair) => pairs[pair]!),
        packing,
      );
      return { ...rows, pairs: chosen, referenceLogProbs: pick(reference, chosen) };
    },
    cursor: () => ({ epoch, index }),
    seek: (cursor) => {
      [epoch, index] = placeOf(cursor, pairs.length);
    },
  };
}

function pick({ chosen, rejected }: ReferenceLogProbs, pairs: Int32Array): Float32Array {
  return Float32Array.from([...Array.from(pairs, (p) => chosen[p]!), ...Array.from(pairs, (p) => rejected[p]!)]);
}

function requireReference({ chosen, rejected }: ReferenceLogProbs, count: number): void {
  if (chosen.length === count && rejected.length === count) return;
  throw new ShapeError({
    op: "createPreferenceBatches",
    operand: "reference",
    expected: `log-probs of ${count} pairs`,
    actual: `${chosen.length} chosen, ${rejected.length} rejected`,
    hint: "Compute the reference log-probs of these very pairs.",
  });
}

function placeOf(cursor: unknown, pairs: number): [number, number] {
  const { epoch, index } = (cursor ?? {}) as Partial<PreferenceCursor>;
  requireInteger("seek", "cursor.epoch", epoch, 0);
  requireInteger("seek", "cursor.index", index, 0, pairs - 1);
  return [epoch!, index!];
}

/** Checks a count. @throws OutOfRangeError naming it. */
export function requireInteger(
  op: string,
  operand: string,
  value: number | undefined,
  low: number,
  high: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && value! >= low && value! <= high) return;
  const expected =
    high === Number.MAX_SAFE_INTEGER ? `an integer of at least ${low}` : `an integer from ${low} to ${high}`;
  throw new OutOfRangeError({ op, operand, expected, actual: `${value}` });
}
