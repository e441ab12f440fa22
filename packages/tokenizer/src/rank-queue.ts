import { grown } from "./growable.ts";

const NONE = -1;
const BITS = 5;

/**
 * Places waiting for their merge, the lowest rank first: a bucket for each rank, and two levels of bits that say which
 * buckets hold something. Entering and leaving cost the same however many wait, so long words merge in linear time.
 */
export class RankQueue {
  /** By rank: first and last entry of its bucket. */
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  /** A bit for each rank, and a bit for each word of those. */
  readonly #bits: Int32Array;
  readonly #summary: Int32Array;
  /** By entry: the place, and the next entry of the same bucket. */
  #places: Int32Array = new Int32Array(1 << 10);
  #next: Int32Array = new Int32Array(1 << 10);
  #entries = 0;

  constructor(ranks: number) {
    this.#heads = new Int32Array(ranks).fill(NONE);
    this.#tails = new Int32Array(ranks);
    const words = (ranks >> BITS) + 1;
    this.#bits = new Int32Array(words);
    this.#summary = new Int32Array((words >> BITS) + 1);
  }

  push(rank: number, place: number): void {
    const entry = this.#entries++;
    if (entry === this.#places.length) {
      this.#places = grown(this.#places, entry + 1);
      this.#next = grown(this.#next, entry + 1);
    }
    this.#places[entry] = place;
    this.#next[entry] = NONE;
    if (this.#heads[rank] === NONE) {
      this.#heads[rank] = entry;
      this.#bits[rank >> BITS]! |= 1 << (rank & 31);
      this.#summary[rank >> (2 * BITS)]! |= 1 << ((rank >> BITS) & 31);
    } else this.#next[this.#tails[rank]!] = entry;
    this.#tails[rank] = entry;
  }

  /** The lowest rank that waits, or -1. */
  lowest(): number {
    const summary = this.#summary;
    for (let i = 0; i < summary.length; i++) {
      if (summary[i] === 0) continue;
      const word = (i << BITS) | lowestBit(summary[i]!);
      return (word << BITS) | lowestBit(this.#bits[word]!);
    }
    return NONE;
  }

  /** Take the places of a rank, in the order in which they entered, to `out`; returns how many. */
  take(rank: number, out: { places: Int32Array }): number {
    let count = 0;
    for (let entry = this.#heads[rank]!; entry !== NONE; entry = this.#next[entry]!) {
      if (count === out.places.length) out.places = grown(out.places, count + 1);
      out.places[count++] = this.#places[entry]!;
    }
    this.#heads[rank] = NONE;
    const word = rank >> BITS;
    this.#bits[word]! &= ~(1 << (rank & 31));
    if (this.#bits[word] === 0) this.#summary[word >> BITS]! &= ~(1 << (word & 31));
    return count;
  }

  /** To be called when nothing waits: the next word starts with an empty list of entries. */
  reset(): void {
    this.#entries = 0;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
