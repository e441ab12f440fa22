/**
 * Training batches from token shards on disk, with bounded memory.
 *
 * Order of an epoch, each step drawn from (seed, epoch) alone:
 * 1. the shards of the set are shuffled and dealt in groups of `groupShards`; one group at a time is in memory;
 * 2. the documents of a group are shuffled and packed into rows: "stream" joins them end to end and cuts rows of T tokens
 *    (the next L are targets); "best-fit" packs them whole, see `packBestFit`; rows do not go across groups;
 * 3. the rows of a group are shuffled.
 * A batch takes the next world x B rows of that order, over borders of groups and epochs; rank r has the r-th B of them. So
 * ranks never share a row and together have all, and which rows a batch of all ranks has does not depend on their number.
 * Every rank reads every shard.
 *
 * All state is the cursor: (epoch, group, row). In a "stream" every token is an input once an epoch but the last of each
 * group, in "best-fit" with `long: "split"` every token is.
 *
 * Letters: B batchSize, T sequenceLength, L lookahead.
 */
import { StateError } from "@ds3/errors";
import type { Batch } from "../create-batches.ts";
import type { Delivery } from "./batch-reader.ts";
import { type BatchSupply, localSupply } from "./batch-supply.ts";
import {
  type LoaderCursor,
  type LoaderOptions,
  type LoaderSettings,
  requireCursor,
  resolveLoaderOptions,
} from "./loader-options.ts";
import { workerSupply } from "./worker-supply.ts";

/** Batches without end, or for `epochs`; iterate it, or call `next`. Leaving an iteration early does not end it. */
export interface Loader extends AsyncIterableIterator<Batch, undefined> {
  /** @throws ShardError for a file that is missing, torn or changed, naming it; the cursor stays. StateError after `close`. */
  next(): Promise<IteratorResult<Batch, undefined>>;
  /** Where the batch after the last one that was taken starts. */
  cursor(): LoaderCursor;
  /**
   * Go to a cursor of a loader of the same shards, order options and T; what follows is then the same, in any process.
   * A row that its group lacks is refused by `next`.
   * @throws OutOfRangeError when the data has no such place, or the cursor is another loader's.
   */
  seek(cursor: LoaderCursor): void;
  /** End the thread and give its memory back. A `next` that waits ends as one behind the last batch does. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Load batches of a shard set. Reading begins with the first `next`.
 *
 * Accepts: any T, B, L >= 1. Memory: a group of shards, `prefetch` batches. Batches have `weights` where the set has some.
 * @throws ConfigError, OutOfRangeError for an option that is none; EmptyDataError for a set of fewer than two tokens.
 */
export function createLoader(options: LoaderOptions): Loader {
  return new ShardLoader(resolveLoaderOptions(options));
}

class ShardLoader implements Loader {
  readonly #settings: LoaderSettings;
  #cursor: LoaderCursor;
  #supply: BatchSupply | undefined;
  #ahead: Promise<Delivery>[] = [];
  #waiting = 0;
  #seeks = 0;
  #isClosed = false;

  constructor(settings: LoaderSettings) {
    this.#settings = settings;
    this.#cursor = { epoch: 0, group: 0, row: 0, plan: settings.plan };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Batch, undefined>> {
    const seeks = this.#seeks;
    const delivery = await this.#wait(this.#take()).catch((error) => {
      if (!this.#isClosed) throw error;
    });
    if (delivery === undefined) return { done: true, value: undefined };
    const { batch, cursor } = delivery;
    if (seeks === this.#seeks) this.#cursor = cursor;
    return batch ? { done: false, value: batch } : { done: true, value: undefined };
  }

  cursor(): LoaderCursor {
    return this.#cursor;
  }

  seek(cursor: LoaderCursor): void {
    requireCursor(cursor, this.#settings);
    this.#cursor = cursor;
    this.#seeks += 1;
    this.#ahead = [];
    this.#supply?.seek(cursor);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ahead = [];
    await this.#supply?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The oldest batch that was asked for ahead; others are asked for so that `prefetch` are under way. */
  #take(): Promise<Delivery> {
    if (this.#isClosed) throw closed(this.#settings.directory);
    const { prefetch } = this.#settings;
    this.#supply ??= (prefetch > 0 ? workerSupply : localSupply)(this.#settings, this.#cursor);
    while (this.#ahead.length <= prefetch) {
      const delivery = this.#supply.next();
      delivery.catch(() => {}); // whoever takes it learns of it
      this.#ahead.push(delivery);
    }
    return this.#ahead.shift()!;
  }

  /** The process lives on while somebody waits for a batch, not for those made ahead. */
  async #wait(delivery: Promise<Delivery>): Promise<Delivery> {
    const supply = this.#supply!;
    this.#waiting += 1;
    supply.keepAlive(true);
    try {
      return await delivery;
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) supply.keepAlive(false);
    }
  }
}

function closed(directory: string): StateError {
  return new StateError({ op: "Loader.next", operand: directory, expected: "an open loader", actual: "a closed one" });
}
