/**
 * The merge loop of BPE training (Sennrich et al. 2016), with the choices of HF's BpeTrainer: distinct words weighted by
 * their occurrences; the pair with the highest count first, ties to the smallest (left id, right id); a merge goes from
 * left to right through a word; a result that is in the vocabulary already keeps its id.
 *
 * A pair with a new symbol c can arise only while c is being made: strings have one way to be built, since a word's
 * symbols inside given borders always change in the same way. So the pairs (x, c) and (c, y) are found through two
 * arrays indexed by x and y, with no hash table; and all other counts only fall, which lets the heap be lazy.
 */
import { IntBuffer } from "./growable.ts";
import { PairHeap } from "./pair-heap.ts";
import { NONE, PairIndex } from "./pair-index.ts";
import type { Merges } from "./pair-table.ts";
import type { SymbolChain } from "./symbol-chain.ts";

/** What training starts from, and where it stops. */
export interface LearnOptions {
  /** Tokens so far by id: special tokens and the byte alphabet. New ones are appended. */
  readonly tokens: string[];
  readonly vocabSize: number;
  readonly minFrequency: number;
  /** Called after each merge with the number of tokens so far. */
  readonly onMerge: (tokens: number) => void;
}

/** Learn merges until the vocabulary is full or no pair occurs `minFrequency` times; appends the new tokens. */
export function learnMerges(chain: SymbolChain, options: LearnOptions): Merges {
  const { tokens, vocabSize, minFrequency, onMerge } = options;
  const idOfToken = new Map(tokens.map((token, id) => [token, id]));
  const state = new MergeState(chain, vocabSize);
  const [left, right, result] = [0, 0, 0].map(() => new IntBuffer(vocabSize)) as [IntBuffer, IntBuffer, IntBuffer];
  while (tokens.length < vocabSize) {
    const pair = state.heap.pop();
    if (pair < 0 || state.pairs.counts[pair]! < minFrequency) break;
    const [a, b] = [state.pairs.left[pair]!, state.pairs.right[pair]!];
    const token = tokens[a]! + tokens[b]!;
    const id = idOfToken.get(token) ?? tokens.push(token) - 1;
    idOfToken.set(token, id);
    left.push(a);
    right.push(b);
    result.push(id);
    state.mergeAll(pair, id);
    onMerge(tokens.length);
  }
  return { left: left.toArray(), right: right.toArray(), result: result.toArray() };
}

class MergeState {
  readonly pairs: PairIndex;
  readonly heap: PairHeap;
  readonly #chain: SymbolChain;
  /** By symbol x: the pair (x, c), and the pair (c, x), of the merge in progress; NONE outside of it. */
  readonly #pairBefore: Int32Array;
  readonly #pairAfter: Int32Array;

  constructor(chain: SymbolChain, vocabSize: number) {
    this.#chain = chain;
    this.pairs = new PairIndex(chain.ids.length);
    this.heap = new PairHeap(this.pairs);
    this.#pairBefore = new Int32Array(vocabSize).fill(NONE);
    this.#pairAfter = new Int32Array(vocabSize).fill(NONE);
    this.#indexAll(vocabSize);
    for (let pair = 0; pair < this.pairs.size; pair++) this.heap.push(pair);
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
      if (this.pairs.counts[added]! > 0) this.heap.push(added);
    }
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

  /** The pairs of the bytes' ids, which are few enough for a full table. */
  #indexAll(vocabSize: number): void {
    const { ids, next, wordOf, weights } = this.#chain;
    const rows = new Map<number, Int32Array>();
    for (let at = 0; at < ids.length; at++) {
      if (next[at] === NONE) continue;
      const [a, b] = [ids[at]!, ids[next[at]!]!];
      const row = rows.get(a) ?? new Int32Array(vocabSize).fill(NONE);
      rows.set(a, row);
      if (row[b] === NONE) row[b] = this.pairs.add(a, b);
      this.pairs.place(row[b]!, at, weights[wordOf[at]!]!);
    }
  }
}
