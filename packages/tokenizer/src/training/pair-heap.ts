import { grown } from "../growable.ts";
import type { PairIndex } from "./pair-index.ts";
import type { PairQueue } from "./symbol-merger.ts";

/**
 * Picks the next pair to merge: the highest count, among equals the smallest (left id, right id), as HF's trainer does.
 *
 * The heap is lazy. Once a merge is done the counts of older pairs only fall, so an entry whose count is out of date
 * is put back with its present count when it comes to the top, and not before.
 */
export class PairHeap implements PairQueue {
  readonly #pairs: PairIndex;
  readonly #minFrequency: number;
  #heap: Int32Array = new Int32Array(1 << 12);
  /** By pair: the count under which it is in the heap. */
  #keys: Float64Array = new Float64Array(1 << 12);
  #size = 0;

  constructor(pairs: PairIndex, minFrequency: number) {
    this.#pairs = pairs;
    this.#minFrequency = minFrequency;
  }

  /** Enter a pair with its present count. */
  push(pair: number): void {
    if (this.#size === this.#heap.length) this.#heap = grown(this.#heap, this.#size + 1);
    if (pair >= this.#keys.length) this.#keys = grown(this.#keys, pair + 1);
    this.#keys[pair] = this.#pairs.counts[pair]!;
    const heap = this.#heap;
    let i = this.#size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(pair, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = pair;
  }

  /** Remove and return the pair to merge next, or -1 when none occurs often enough any more. */
  pop(): number {
    while (this.#size > 0) {
      const pair = this.#heap[0]!;
      const count = this.#pairs.counts[pair]!;
      const isCurrent = this.#keys[pair] === count;
      if (isCurrent || count <= 0) this.#replaceTop(this.#heap[--this.#size]!);
      else {
        this.#keys[pair] = count;
        this.#replaceTop(pair);
      }
      if (isCurrent && count > 0) return count >= this.#minFrequency ? pair : -1;
    }
    return -1;
  }

  #replaceTop(pair: number): void {
    const heap = this.#heap;
    let i = 0;
    for (let child = 1; child < this.#size; child = 2 * i + 1) {
      if (child + 1 < this.#size && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, pair)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = pair;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#keys[a]! - this.#keys[b]!;
    if (difference !== 0) return difference > 0;
    const { left, right } = this.#pairs;
    if (left[a] !== left[b]) return left[a]! < left[b]!;
    return right[a]! < right[b]!;
  }
}
