import type { Batch } from "../create-batches.ts";
import { BatchBuilder } from "./batch-builder.ts";
import { type LoaderCursor, type LoaderSettings, misplaced } from "./loader-options.ts";
import { planRows, type RowPlan } from "./row-plan.ts";
import { drawOrder, loadGroup, type ShardGroup } from "./shard-group.ts";

/** A batch and where the one after it starts; no batch: the epochs are over. */
export interface Delivery {
  readonly batch?: Batch;
  readonly cursor: LoaderCursor;
}

/** A group in memory with its rows. */
interface Rows {
  readonly epoch: number;
  readonly group: number;
  readonly documents: ShardGroup;
  readonly plan: RowPlan;
  readonly order: Uint32Array;
}

/** Makes the batches of one rank, one after the other from a cursor. All state is the cursor; a group of shards is kept. */
export class BatchReader {
  readonly #settings: LoaderSettings;
  #cursor: LoaderCursor;
  #rows: Rows | undefined;

  constructor(settings: LoaderSettings, cursor: LoaderCursor) {
    this.#settings = settings;
    this.#cursor = cursor;
  }

  seek(cursor: LoaderCursor): void {
    this.#cursor = cursor;
  }

  /** When it fails the cursor stays. @throws ShardError; OutOfRangeError for a cursor beyond its group's rows. */
  async next(): Promise<Delivery> {
    const { batchSize, rank, world, epochs } = this.#settings;
    const builder = new BatchBuilder(this.#settings);
    let place = this.#cursor;
    let taken = 0;
    while (taken < world * batchSize && place.epoch < epochs) {
      const rows = this.#has(place) ? this.#rows! : await this.#load(place);
      const { order, plan, documents } = rows;
      if (place.row < order.length) {
        const isOwn = Math.floor(taken / batchSize) === rank;
        if (isOwn) builder.add(documents, plan.pieces(order[place.row]!));
        taken += 1;
      }
      place = this.#after(place, order.length);
    }
    this.#cursor = place;
    return taken === 0 ? { cursor: place } : { batch: builder.finish(), cursor: place };
  }

  #has({ epoch, group }: LoaderCursor): boolean {
    return this.#rows?.epoch === epoch && this.#rows.group === group;
  }

  async #load({ epoch, group, row }: LoaderCursor): Promise<Rows> {
    this.#rows = undefined; // two groups are never in memory
    const documents = await loadGroup(this.#settings, epoch, group);
    const plan = planRows(documents.lengths, this.#settings);
    if (row > 0 && row >= plan.count) {
      throw misplaced("cursor.row", `an integer from 0 to ${plan.count - 1}`, `${row}`);
    }
    const order = drawOrder(plan.count, this.#settings, { epoch, group, what: "rows" });
    this.#rows = { epoch, group, documents, plan, order };
    return this.#rows;
  }

  #after(place: LoaderCursor, rows: number): LoaderCursor {
    if (place.row + 1 < rows) return { ...place, row: place.row + 1 };
    if (place.group + 1 < this.#settings.groups) return { ...place, group: place.group + 1, row: 0 };
    return { ...place, epoch: place.epoch + 1, group: 0, row: 0 };
  }
}
