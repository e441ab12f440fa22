import { grown } from "../growable.ts";

/** No pair, no position, end of a list. */
export const NONE = -1;

/**
 * The pairs met in training: each with its ids, its count, and the list of places where it stands now.
 *
 * A place is the position of the pair's left symbol. A position is the left end of one pair at most, so one link per
 * position holds all the lists, exactly: a place leaves its list in O(1) when a merge next to it changes the pair.
 * Lists keep rising order, which makes a run such as "aaa" merge from the left.
 */
export class PairIndex {
  size = 0;
  left: Int32Array = new Int32Array(1 << 12);
  right: Int32Array = new Int32Array(1 << 12);
  /** Occurrences, weighted by the counts of their words. */
  counts: Float64Array = new Float64Array(1 << 12);
  #heads: Int32Array = new Int32Array(1 << 12);
  #tails: Int32Array = new Int32Array(1 << 12);
  /** By position: the pair that starts there, and its neighbours in that pair's list. */
  readonly pairAt: Int32Array;
  readonly #following: Int32Array;
  readonly #preceding: Int32Array;

  constructor(positions: number) {
    this.pairAt = new Int32Array(positions).fill(NONE);
    this.#following = new Int32Array(positions);
    this.#preceding = new Int32Array(positions);
  }

  /** A new pair of two ids, without places; returns its number. */
  add(left: number, right: number): number {
    const pair = this.size++;
    if (pair >= this.left.length) {
      this.left = grown(this.left, this.size);
      this.right = grown(this.right, this.size);
      this.counts = grown(this.counts, this.size);
      this.#heads = grown(this.#heads, this.size);
      this.#tails = grown(this.#tails, this.size);
    }
    this.left[pair] = left;
    this.right[pair] = right;
    this.counts[pair] = 0;
    this.#heads[pair] = NONE;
    this.#tails[pair] = NONE;
    return pair;
  }

  /** The first place of a pair, or NONE. */
  firstPlace(pair: number): number {
    return this.#heads[pair]!;
  }

  /** Put a pair at a position that starts none; positions of one pair must come in rising order. */
  place(pair: number, position: number, weight: number): void {
    const tail = this.#tails[pair]!;
    this.#preceding[position] = tail;
    this.#following[position] = NONE;
    if (tail === NONE) this.#heads[pair] = position;
    else this.#following[tail] = position;
    this.#tails[pair] = position;
    this.pairAt[position] = pair;
    this.counts[pair]! += weight;
  }

  /** Take away the pair that starts at a position. */
  remove(position: number, weight: number): void {
    const pair = this.pairAt[position]!;
    const before = this.#preceding[position]!;
    const after = this.#following[position]!;
    if (before === NONE) this.#heads[pair] = after;
    else this.#following[before] = after;
    if (after === NONE) this.#tails[pair] = before;
    else this.#preceding[after] = before;
    this.pairAt[position] = NONE;
    this.counts[pair]! -= weight;
  }
}
