import { type Merges, MISSING, type PairTable } from "../bpe/pair-table.ts";
import { KeyHeap } from "./key-heap.ts";

/** Heap keys are rank * 2^31 + position: exact in a double for ranks below 2^22. */
const POSITION_SPAN = 2 ** 31;

/** Merges put off at random (BPE dropout, Provilkov et al. 2020). */
export interface Dropout {
  /** Probability that a merge is put off until the next one is done. */
  readonly probability: number;
  /** Numbers in [0, 1). */
  random(): number;
}

/**
 * BPE merging that knows how many bytes each symbol covers, and dropout: the slower way of `mergeWord`.
 *
 * The pair of lowest rank first, the leftmost of equals, by a heap over a linked list: O(n log n).
 */
export class TrackedMerger {
  readonly #merges: Merges;
  readonly #pairs: PairTable;
  readonly #dropout: Dropout | undefined;
  readonly #heap: KeyHeap = new KeyHeap();
  #previous: Int32Array = new Int32Array(0);
  #next: Int32Array = new Int32Array(0);
  #ranks: Int32Array = new Int32Array(0);

  constructor(merges: Merges, pairs: PairTable, dropout?: Dropout) {
    this.#merges = merges;
    this.#pairs = pairs;
    this.#dropout = dropout;
  }

  /** Merge `symbols` in place, `lengths` (bytes, by symbol) along with them; returns the new count. */
  merge(symbols: Int32Array, lengths: Int32Array, count: number): number {
    if (count < 2) return count;
    this.#link(count);
    for (let i = 0; i + 1 < count; i++) this.#rate(symbols, i, count);
    const putOff: number[] = [];
    while (this.#heap.size > 0) {
      const key = this.#heap.pop();
      if (this.#dropout !== undefined && this.#dropout.random() < this.#dropout.probability) {
        putOff.push(key);
        continue;
      }
      for (const other of putOff) this.#heap.push(other);
      putOff.length = 0;
      const position = key % POSITION_SPAN;
      if (this.#ranks[position] !== (key - position) / POSITION_SPAN) continue; // the pair has changed meanwhile
      this.#join(symbols, lengths, position, count);
    }
    return this.#collect(symbols, lengths, count);
  }

  #link(count: number): void {
    if (this.#next.length < count) {
      this.#previous = new Int32Array(2 * count);
      this.#next = new Int32Array(2 * count);
      this.#ranks = new Int32Array(2 * count);
    }
    for (let i = 0; i < count; i++) {
      this.#previous[i] = i - 1;
      this.#next[i] = i + 1;
    }
    this.#ranks.fill(MISSING, 0, count);
  }

  #rate(symbols: Int32Array, position: number, count: number): void {
    const right = this.#next[position]!;
    const rank = right < count ? this.#pairs.rankOf(symbols[position]!, symbols[right]!) : MISSING;
    this.#ranks[position] = rank;
    if (rank !== MISSING) this.#heap.push(rank * POSITION_SPAN + position);
  }

  #join(symbols: Int32Array, lengths: Int32Array, position: number, count: number): void {
    const removed = this.#next[position]!;
    const right = this.#next[removed]!;
    symbols[position] = this.#merges.result[this.#ranks[position]!]!;
    lengths[position]! += lengths[removed]!;
    this.#ranks[removed] = MISSING;
    this.#next[position] = right;
    if (right < count) this.#previous[right] = position;
    this.#rate(symbols, position, count);
    if (this.#previous[position]! >= 0) this.#rate(symbols, this.#previous[position]!, count);
  }

  #collect(symbols: Int32Array, lengths: Int32Array, count: number): number {
    let kept = 0;
    for (let i = 0; i < count; i = this.#next[i]!) {
      symbols[kept] = symbols[i]!;
      lengths[kept++] = lengths[i]!;
    }
    return kept;
  }
}
