import { NONE, PairIndex } from "./pair-index.ts";
import { PairSlots } from "./pair-slots.ts";
import type { SymbolChain } from "./symbol-chain.ts";

/** Decides which pair is merged next. */
export interface PairQueue {
  /** Enter a new pair with its present count. */
  push(pair: number): void;
  /** Remove and return the pair to merge next, or -1 when there is none. */
  pop(): number;
  /** Told after each merge of (left, right) into `merged`, when all counts are those after it. */
  merged?(left: number, right: number, merged: number): void;
}

/** Makes a queue over pairs and the counts of symbols by id, which both change while merges are made. */
export type CreateQueue = (pairs: PairIndex, symbolCounts: Float64Array) => PairQueue;

/**
 * Carries merges out, and keeps counts and places of all pairs.
 *
 * A pair with a new symbol c can arise only while c is being made: strings have one way to be built, since a word's
 * symbols inside given borders always change in the same way. So the pairs (x, c) and (c, y) are found through two
 * arrays indexed by x and y, with no hash table; and all other counts only fall, which lets a queue be lazy.
 */
export class SymbolMerger {
  readonly pairs: PairIndex;
  readonly queue: PairQueue;
  /** Occurrences of each symbol, by id. */
  readonly symbolCounts: Float64Array;
  readonly #chain: SymbolChain;
  /** By symbol x: the pair (x, c), and the pair (c, x), of the merge in progress; NONE outside of it. */
  readonly #pairBefore: Int32Array;
  readonly #pairAfter: Int32Array;

  constructor(chain: SymbolChain, vocabSize: number, createQueue: CreateQueue) {
    this.#chain = chain;
    this.pairs = new PairIndex(chain.ids.length);
    this.symbolCounts = new Float64Array(vocabSize);
    this.#pairBefore = new Int32Array(vocabSize).fill(NONE);
    this.#pairAfter = new Int32Array(vocabSize).fill(NONE);
    this.#indexAll();
    this.queue = createQueue(this.pairs, this.symbolCounts);
    for (let pair = 0; pair < this.pairs.size; pair++) this.queue.push(pair);
  }

  /** Merge every place of a pair into the symbol `merged`. */
  mergeAll(pair: number, merged: number): void {
    const firstNew = this.pairs.size;
    for (let at = this.pairs.firstPlace(pair); at !== NONE; at = this.pairs.firstPlace(pair)) {
      this.#mergeAt(at, merged);
    }
    for (let added = firstNew; added < this.pairs.size; added++) {
      this.#pairBefore[this.pairs.left[added]!] = NONE;
      this.#pairAfter[this.pairs.right[added]!] = NONE;
      if (this.pairs.counts[added]! > 0) this.queue.push(added);
    }
    this.queue.merged?.(this.pairs.left[pair]!, this.pairs.right[pair]!, merged);
  }

  #mergeAt(at: number, merged: number): void {
    const { ids, next, previous, wordOf, weights } = this.#chain;
    const weight = weights[wordOf[at]!]!;
    const removed = next[at]!;
    const before = previous[at]!;
    const after = next[removed]!;
    this.pairs.remove(at, weight);
    if (before !== NONE) this.pairs.remove(before, weight);
    if (after !== NONE) this.pairs.remove(removed, weight);
    this.symbolCounts[ids[at]!]! -= weight;
    this.symbolCounts[ids[removed]!]! -= weight;
    this.symbolCounts[merged]! += weight;
    ids[at] = merged;
    next[at] = after;
    if (after !== NONE) previous[after] = at;
    if (before !== NONE) this.pairs.place(this.#pairEndingIn(merged, ids[before]!), before, weight);
    if (after !== NONE) this.pairs.place(this.#pairStartingWith(merged, ids[after]!), at, weight);
  }

  #pairEndingIn(merged: number, left: number): number {
    if (this.#pairBefore[left] === NONE) this.#pairBefore[left] = this.pairs.add(left, merged);
    return this.#pairBefore[left]!;
  }

  #pairStartingWith(merged: number, right: number): number {
    if (this.#pairAfter[right] === NONE) this.#pairAfter[right] = this.pairs.add(merged, right);
    return this.#pairAfter[right]!;
  }

  #indexAll(): void {
    const { ids, next, wordOf, weights } = this.#chain;
    const slots = new PairSlots(this.pairs);
    for (let at = 0; at < ids.length; at++) {
      const weight = weights[wordOf[at]!]!;
      this.symbolCounts[ids[at]!]! += weight;
      if (next[at] !== NONE) this.pairs.place(slots.numberOf(ids[at]!, ids[next[at]!]!), at, weight);
    }
  }
}
