import { permutation } from "./random.ts";
import { requireInteger } from "./require-integer.ts";

const CURSOR_HINT = "A cursor belongs to one data set, its options and its seed.";

/** A place in the order: `index` items of `epoch` are consumed. Plain JSON. */
export interface EpochCursor {
  readonly epoch: number;
  readonly index: number;
}

/** Options of `createEpochOrder`. */
export interface EpochOrderOptions {
  /** An integer in [0, 2^53). Default 0. */
  readonly seed?: number;
  /** An order drawn for each epoch; false: from first to last. Default true. */
  readonly shuffle?: boolean;
}

/** Items one after the other, without end: each once an epoch. */
export interface EpochOrder {
  /** The next item, from 0 to `count - 1`. */
  next(): number;
  /** Where the next item stands. */
  cursor(): EpochCursor;
  /** Go to a cursor of an order with the same count and options. @throws OutOfRangeError when there is no such place. */
  seek(cursor: unknown): void;
}

/**
 * The order in which `count` items are visited, epoch after epoch: each epoch's order is drawn from (seed, epoch) alone, so
 * that a cursor is all there is to save. Cost: O(count) at the first item of an epoch and after `seek`.
 *
 * @throws OutOfRangeError naming a count below 1, or a seed out of its range.
 */
export function createEpochOrder(count: number, options: EpochOrderOptions = {}): EpochOrder {
  const { seed = 0, shuffle = true } = options;
  requireInteger("createEpochOrder", "count", count, 1);
  requireInteger("createEpochOrder", "seed", seed, 0);
  let place: EpochCursor = { epoch: 0, index: 0 };
  let order: { readonly epoch: number; readonly items: Uint32Array } | undefined;
  const itemsOf = (epoch: number): Uint32Array => {
    if (order?.epoch !== epoch) order = { epoch, items: permutation(count, { seed, stream: epoch }) };
    return order.items;
  };
  return {
    next() {
      const { epoch, index } = place;
      place = index + 1 === count ? { epoch: epoch + 1, index: 0 } : { epoch, index: index + 1 };
      return shuffle ? itemsOf(epoch)[index]! : index;
    },
    cursor: () => place,
    seek(cursor) {
      const { epoch, index } = (cursor ?? {}) as Partial<EpochCursor>;
      requireInteger("seek", "cursor.epoch", epoch, 0, Number.MAX_SAFE_INTEGER, CURSOR_HINT);
      requireInteger("seek", "cursor.index", index, 0, count - 1, CURSOR_HINT);
      place = { epoch: epoch!, index: index! };
    },
  };
}
