/**
 * Fixed-length batches from a stream of packed tokens.
 *
 * The stream is cut into rows of T tokens. Row r reads T tokens from r T on as inputs, and `lookahead` more as
 * targets: 1 for the next token, 1 + D with D MTP depths. So every token but the last is an input once an epoch. The
 * last row is padded. Each epoch visits all rows in a new order, drawn from (seed, epoch) alone; a batch takes the next
 * B rows and may run over into the next epoch, so that no row is left out. All state is (epoch, index).
 *
 * Letters: B batchSize, T sequenceLength, L lookahead, N tokens.
 */
import { ShapeError } from "@ds3/errors";
import { EmptyDataError } from "./empty-data-error.ts";
import { createEpochOrder, type EpochCursor, type EpochOrder } from "./epoch-order.ts";
import { fillSegments, fillTargets, fillWeights, IGNORED_TARGET } from "./fill-row.ts";
import type { PackedTokens } from "./pack-tokens.ts";
import { requireInteger } from "./require-integer.ts";

/** Options of `createBatches`. */
export interface BatchOptions extends PackedTokens {
  /** T, input tokens of a row. */
  readonly sequenceLength: number;
  /** B, rows of a batch. */
  readonly batchSize: number;
  /** Order of the rows. Default 0. */
  readonly seed?: number;
  /** Visit rows in an order drawn for each epoch; false: from first to last. Default true. */
  readonly shuffle?: boolean;
  /** Keep documents apart: no target in another document, positions from 0 in each, segment ids. Default false. */
  readonly documentMask?: boolean;
  /** L, tokens after the inputs: 1 + the MTP depth. Default 1. */
  readonly lookahead?: number;
  /** Stop after so many epochs; rows that the last batch lacks have no targets. Default: never. */
  readonly epochs?: number;
  /** Fills the last row, where nothing is a target. Default 0. */
  readonly padId?: number;
}

/** One batch, all arrays row by row and newly made. */
export interface Batch {
  /** [B, T] token ids. */
  readonly inputs: Int32Array;
  /** [B, T] the id after each input, or -100: no target. */
  readonly targets: Int32Array;
  /** L arrays [B, T]: entry k is the target of MTP depth k, the id k + 1 places on, or -100. Entry 0 is `targets`. */
  readonly targetsByDepth: readonly Int32Array[];
  /** [B, T + L] the ids themselves, padding included; says nothing about borders of documents. */
  readonly tokens: Int32Array;
  /** [B, T] position in the document, from 0 at its start or at the row's. Only with `documentMask`. */
  readonly positions?: Int32Array;
  /** [B, T] number of the document within its row, from 0; padding counts as one more. Only with `documentMask`. */
  readonly documentIds?: Int32Array;
  /** [B, T] weight of each input's document in the loss, 0 for padding. Only where documents have weights. */
  readonly weights?: Float32Array;
  /** Entries of `targets` that are not -100. */
  readonly targetCount: number;
}

/** A place in the data, counted in rows. */
export type BatchCursor = EpochCursor;

/** Batches without end, or for `epochs`; iterate it, or call `next`. */
export interface BatchIterator extends IterableIterator<Batch, undefined> {
  readonly rowsPerEpoch: number;
  /** Where the next batch starts. */
  cursor(): BatchCursor;
  /**
   * Go to a cursor of an iterator with the same options and tokens; what follows is then the same, too.
   * @throws OutOfRangeError when the data has no such place.
   */
  seek(cursor: BatchCursor): void;
}

/**
 * Iterate over batches of packed tokens.
 *
 * Accepts: at least two tokens; any T, B, L >= 1. Cost: O(B (T + L)) a batch, and one permutation of the rows an epoch.
 * @throws EmptyDataError for fewer than two tokens; OutOfRangeError for options that are no counts; ShapeError when
 * documentStarts does not start at 0 or does not rise within the tokens, or weights are not one a document.
 */
export function createBatches(options: BatchOptions): BatchIterator {
  validate(options);
  return new Batches(options);
}

class Batches implements BatchIterator {
  readonly rowsPerEpoch: number;
  readonly #options: Required<Omit<BatchOptions, "weights">>;
  readonly #weights: Float32Array | undefined;
  readonly #order: EpochOrder;

  constructor(options: BatchOptions) {
    const defaults = { seed: 0, shuffle: true, documentMask: false, lookahead: 1, epochs: Infinity, padId: 0 };
    this.#options = { ...defaults, ...options };
    this.#weights = options.weights;
    this.rowsPerEpoch = Math.ceil((options.tokens.length - 1) / options.sequenceLength);
    this.#order = createEpochOrder(this.rowsPerEpoch, this.#options);
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<Batch, undefined> {
    if (this.#isOver()) return { done: true, value: undefined };
    const rows = Array.from({ length: this.#options.batchSize }, () => this.#nextRow());
    return { done: false, value: this.#assemble(rows) };
  }

  cursor(): BatchCursor {
    return this.#order.cursor();
  }

  seek(cursor: BatchCursor): void {
    this.#order.seek(cursor);
  }

  #isOver(): boolean {
    return this.#order.cursor().epoch >= this.#options.epochs;
  }

  /** The next row's number, or -1 beyond the last epoch. */
  #nextRow(): number {
    return this.#isOver() ? -1 : this.#order.next();
  }

  #assemble(rows: readonly number[]): Batch {
    const { sequenceLength: T, lookahead: L, documentMask, padId } = this.#options;
    const size = rows.length * T;
    const tokens = new Int32Array(rows.length * (T + L)).fill(padId);
    const inputs = new Int32Array(size).fill(padId);
    const targetsByDepth = Array.from({ length: L }, () => new Int32Array(size).fill(IGNORED_TARGET));
    const weights = this.#weights && new Float32Array(size);
    const masks = documentMask ? { positions: new Int32Array(size), documentIds: new Int32Array(size) } : {};
    rows.forEach((row, b) => {
      if (row < 0) return;
      const source = this.#options.tokens.subarray(row * T, row * T + T + L);
      tokens.set(source, b * (T + L));
      inputs.set(source.subarray(0, T), b * T);
      fillTargets(this.#options, row * T, b * T, targetsByDepth);
      if (weights) fillWeights(this.#options, this.#weights!, row * T, weights.subarray(b * T, (b + 1) * T));
      if (documentMask) fillSegments(this.#options, row * T, b * T, masks as Required<typeof masks>);
    });
    const targets = targetsByDepth[0]!;
    const targetCount = targets.reduce((count, target) => count + (target === IGNORED_TARGET ? 0 : 1), 0);
    return { inputs, targets, targetsByDepth, tokens, ...masks, ...(weights ? { weights } : {}), targetCount };
  }
}

function validate(options: BatchOptions): void {
  for (const key of ["sequenceLength", "batchSize", "lookahead", "epochs"] as const) {
    const value = options[key] ?? 1;
    if (key !== "epochs" || value !== Infinity) requireInteger("createBatches", key, value, 1);
  }
  requireInteger("createBatches", "seed", options.seed ?? 0, 0);
  requireWeights(options);
  if (options.tokens.length < 2) {
    const actual = `${options.tokens.length}`;
    throw new EmptyDataError({ op: "createBatches", operand: "tokens", expected: "at least two tokens", actual });
  }
  options.documentStarts.forEach((start, i, starts) => {
    const low = i === 0 ? 0 : starts[i - 1]! + 1;
    const high = i === 0 ? 0 : options.tokens.length - 1;
    if (start >= low && start <= high) return;
    const operand = `documentStarts[${i}]`;
    throw new ShapeError({ op: "createBatches", operand, expected: `in [${low}, ${high}]`, actual: String(start) });
  });
}

function requireWeights({ weights, documentStarts }: BatchOptions): void {
  if (weights === undefined || weights.length === documentStarts.length) return;
  const expected = `[documents=${documentStarts.length}]`;
  throw new ShapeError({ op: "createBatches", operand: "weights", expected, actual: `[${weights.length}]` });
}
