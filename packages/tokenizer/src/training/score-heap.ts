import { grown } from "../growable.ts";
import type { PairIndex } from "./pair-index.ts";
import type { PairQueue } from "./symbol-merger.ts";

/**
 * Picks the pair with WordPiece's likelihood score, count(ab) / (count(a) count(b)): the merge that raises the
 * likelihood of the text most under a unigram model (Schuster & Nakajima 2012). Ties go to the smallest (left id, right
 * id).
 *
 * A merge changes the scores of pairs with one of its three symbols, and of no other; those are entered anew. An entry
 * counts only while its score is still the pair's own.
 */
export class ScoreHeap implements PairQueue {
  readonly #pairs: PairIndex;
  readonly #symbolCounts: Float64Array;
  readonly #minFrequency: number;
  /** By symbol: the pairs that hold it; those that no longer occur are dropped when they are met. */
  readonly #pairsWith: number[][] = [];
  /** By pair: the score under which it was entered last. */
  #entered: Float64Array = new Float64Array(1 << 12);
  #scores: Float64Array = new Float64Array(1 << 12);
  #heap: Int32Array = new Int32Array(1 << 12);
  #size = 0;

  constructor(pairs: PairIndex, symbolCounts: Float64Array, minFrequency: number) {
    this.#pairs = pairs;
    this.#symbolCounts = symbolCounts;
    this.#minFrequency = minFrequency;
  }

  push(pair: number): void {
    const [left, right] = [this.#pairs.left[pair]!, this.#pairs.right[pair]!];
    this.#listOf(left).push(pair);
    if (right !== left) this.#listOf(right).push(pair);
    this.#enter(pair);
  }

  pop(): number {
    while (this.#size > 0) {
      const pair = this.#heap[0]!;
      const score = this.#scores[0]!;
      this.#removeTop();
      if (score !== this.#scoreOf(pair)) continue;
      this.#entered[pair] = 0;
      return pair;
    }
    return -1;
  }

  merged(left: number, right: number, merged: number): void {
    for (const symbol of new Set([left, right, merged])) {
      const held = this.#listOf(symbol).filter((pair) => this.#pairs.counts[pair]! > 0);
      this.#pairsWith[symbol] = held;
      for (const pair of held) this.#enter(pair);
    }
  }

  #listOf(symbol: number): number[] {
    this.#pairsWith[symbol] ??= [];
    return this.#pairsWith[symbol];
  }

  /** 0 for a pair that may not be merged. */
  #scoreOf(pair: number): number {
    const count = this.#pairs.counts[pair]!;
    if (count <= 0 || count < this.#minFrequency) return 0;
    const { left, right } = this.#pairs;
    return count / (this.#symbolCounts[left[pair]!]! * this.#symbolCounts[right[pair]!]!);
  }

  #enter(pair: number): void {
    if (pair >= this.#entered.length) this.#entered = grown(this.#entered, pair + 1);
    const score = this.#scoreOf(pair);
    if (score === 0 || score === this.#entered[pair]) return;
    this.#entered[pair] = score;
    if (this.#size === this.#heap.length) {
      this.#heap = grown(this.#heap, this.#size + 1);
      this.#scores = grown(this.#scores, this.#size + 1);
    }
    let i = this.#size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(pair, score, parent)) break;
      this.#move(parent, i);
      i = parent;
    }
    this.#heap[i] = pair;
    this.#scores[i] = score;
  }

  #removeTop(): void {
    const last = --this.#size;
    const [pair, score] = [this.#heap[last]!, this.#scores[last]!];
    let i = 0;
    for (let child = 1; child < last; child = 2 * i + 1) {
      if (child + 1 < last && this.#isBefore(this.#heap[child + 1]!, this.#scores[child + 1]!, child)) child++;
      if (!this.#isBefore(this.#heap[child]!, this.#scores[child]!, last)) break;
      this.#move(child, i);
      i = child;
    }
    this.#heap[i] = pair;
    this.#scores[i] = score;
  }

  #move(from: number, to: number): void {
    this.#heap[to] = this.#heap[from]!;
    this.#scores[to] = this.#scores[from]!;
  }

  /** Whether a pair with a score goes before the entry at a place of the heap. */
  #isBefore(pair: number, score: number, at: number): boolean {
    if (score !== this.#scores[at]) return score > this.#scores[at]!;
    const other = this.#heap[at]!;
    const { left, right } = this.#pairs;
    if (left[pair] !== left[other]) return left[pair]! < left[other]!;
    return right[pair]! < right[other]!;
  }
}
