import { NONE, type PairIndex } from "./pair-index.ts";

/** Finds pairs by their ids: open addressing, at most half full. Only the first pairs need it. */
export class PairSlots {
  readonly #pairs: PairIndex;
  #slots: Int32Array = new Int32Array(1 << 12).fill(NONE);

  constructor(pairs: PairIndex) {
    this.#pairs = pairs;
  }

  /** The number of a pair, which is added to the index when new. */
  numberOf(left: number, right: number): number {
    const pairs = this.#pairs;
    const mask = this.#slots.length - 1;
    let slot = hashOf(left, right) & mask;
    for (let pair = this.#slots[slot]!; pair !== NONE; pair = this.#slots[slot]!) {
      if (pairs.left[pair] === left && pairs.right[pair] === right) return pair;
      slot = (slot + 1) & mask;
    }
    const added = pairs.add(left, right);
    this.#slots[slot] = added;
    if (pairs.size * 2 > this.#slots.length) this.#grow();
    return added;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(NONE);
    const mask = slots.length - 1;
    for (let pair = 0; pair < this.#pairs.size; pair++) {
      let slot = hashOf(this.#pairs.left[pair]!, this.#pairs.right[pair]!) & mask;
      while (slots[slot] !== NONE) slot = (slot + 1) & mask;
      slots[slot] = pair;
    }
    this.#slots = slots;
  }
}

function hashOf(left: number, right: number): number {
  const hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
  return hash ^ (hash >>> 15);
}
