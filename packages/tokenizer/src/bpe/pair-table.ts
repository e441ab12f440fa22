/** The rank of a merge is its place in the merge list; `MISSING` says that a pair never merges. */
export const MISSING = 0x7fffffff;

/** Merges of a BPE model: the pair of rank r is (left[r], right[r]) and becomes result[r]. */
export interface Merges {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly result: Int32Array;
}

/** Numbers of an entry: left, right, rank + 1 (0: free). Padded to four, so that no entry spans two cache lines. */
const ENTRY = 4;

/** Ranks of id pairs: open addressing, at most half full. A pair listed twice has its last rank, as in HF tokenizers. */
export class PairTable {
  readonly #entries: Int32Array;
  readonly #mask: number;
  /**
   * A bit for each hash, eight times as many as entries: most pairs that are asked for never merge, and this says so from
   * a table that stays in the processor's cache.
   */
  readonly #filter: Int32Array;
  readonly #filterMask: number;

  constructor(merges: Merges) {
    const capacity = 1 << Math.max(4, 32 - Math.clz32(merges.left.length * 2));
    this.#entries = new Int32Array(capacity * ENTRY);
    this.#mask = capacity * ENTRY - 1;
    this.#filter = new Int32Array(capacity >> 3);
    this.#filterMask = capacity * 4 - 1;
    for (let rank = 0; rank < merges.left.length; rank++) this.#set(merges.left[rank]!, merges.right[rank]!, rank);
  }

  /** Rank of (left, right), or `MISSING`. */
  rankOf(left: number, right: number): number {
    const hash = hashOf(left, right);
    const bit = hash & this.#filterMask;
    if ((this.#filter[bit >> 5]! & (1 << (bit & 31))) === 0) return MISSING;
    const entries = this.#entries;
    const mask = this.#mask;
    let at = (hash * ENTRY) & mask;
    for (;;) {
      const rank = entries[at + 2]!;
      if (rank === 0) return MISSING;
      if (entries[at] === left && entries[at + 1] === right) return rank - 1;
      at = (at + ENTRY) & mask;
    }
  }

  #set(left: number, right: number, rank: number): void {
    const hash = hashOf(left, right);
    const bit = hash & this.#filterMask;
    this.#filter[bit >> 5]! |= 1 << (bit & 31);
    const entries = this.#entries;
    let at = (hash * ENTRY) & this.#mask;
    while (entries[at + 2] !== 0 && (entries[at] !== left || entries[at + 1] !== right)) at = (at + ENTRY) & this.#mask;
    entries[at] = left;
    entries[at + 1] = right;
    entries[at + 2] = rank + 1;
  }
}

function hashOf(left: number, right: number): number {
  const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
  return (hash ^ (hash >>> 15)) & 0x0fffffff;
}
