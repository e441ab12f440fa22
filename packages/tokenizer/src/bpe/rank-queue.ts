import { grown } from "../growable.ts";

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
  /** Entries of two numbers: the place, and where the next entry of the same bucket is. */
  #entries: Int32Array = new Int32Array(1 << 11);
  #end = 0;

  constructor(ranks: number) {
    this.#heads = new Int32Array(ranks).fill(NONE);
    this.#tails = new Int32Array(ranks);
    const words = (ranks >> BITS) + 1;
    this.#bits = new Int32Array(words);
    this.#summary = new Int32Array((words >> BITS) + 1);
  }

  push(rank: number, place: number): void {
    const entry = this.#end;
    this.#end += 2;
    if (this.#end > this.#entries.length) this.#entries = grown(this.#entries, this.#end);
    this.#entries[entry] = place;
    this.#entries[entry + 1] = NONE;
    if (this.#heads[rank] === NONE) {
      this.#heads[rank] = entry;
      this.#bits[rank >> BITS]! |= 1 << (rank & 31);
      this.#summary[rank >> (2 * BITS)]! |= 1 << ((rank >> BITS) & 31);
    } else this.#entries[this.#tails[rank]! + 1] = entry;
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
    for (let entry = this.#heads[rank]!; entry !== NONE; entry = this.#entries[entry + 1]!) {
      if (count === out.places.length) out.places = grown(out.places, count + 1);
      out.places[count++] = this.#entries[entry]!;
    }
    this.#heads[rank] = NONE;
    const word = rank >> BITS;
    this.#bits[word]! &= ~(1 << (rank & 31));
    if (this.#bits[word] === 0) this.#summary[word >> BITS]! &= ~(1 << (word & 31));
    return count;
  }

  /** To be called when nothing waits: the next word starts with an empty list of entries. */
  reset(): void {
    this.#end = 0;
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
