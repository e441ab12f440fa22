/** The rank of a merge is its place in the merge list; `MISSING` says that a pair never merges. */
export const MISSING = 0x7fffffff;

/** Merges of a BPE model: the pair of rank r is (left[r], right[r]) and becomes result[r]. */
export interface Merges {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly result: Int32Array;
}

/** Ranks of id pairs: open addressing, at most half full. A pair listed twice has its last rank, as in HF tokenizers. */
export class PairTable {
  readonly #merges: Merges;
  readonly #slots: Int32Array;
  readonly #mask: number;

  constructor(merges: Merges) {
    this.#merges = merges;
    const capacity = 1 << Math.max(4, 32 - Math.clz32(merges.left.length * 2));
    this.#slots = new Int32Array(capacity);
    this.#mask = capacity - 1;
    for (let rank = 0; rank < merges.left.length; rank++) {
      this.#slots[this.#slotOf(merges.left[rank]!, merges.right[rank]!)] = rank + 1;
    }
  }

  /** Rank of (left, right), or `MISSING`. */
  rankOf(left: number, right: number): number {
    const entry = this.#slots[this.#slotOf(left, right)]!;
    return entry === 0 ? MISSING : entry - 1;
  }

  #slotOf(left: number, right: number): number {
    const { left: lefts, right: rights } = this.#merges;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
    hash ^= hash >>> 15;
    let slot = hash & this.#mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (lefts[entry - 1] === left && rights[entry - 1] === right) break;
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }
}
