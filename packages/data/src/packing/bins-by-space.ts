/** "None" in the tables of bins. */
const NONE = -1;

/**
 * Bins by the space left in them: a segment tree over spaces, 32 children a node. A node is one word whose bit c says that
 * child c holds a bin, so the least space of at least `size` is found in 2 log32(capacity) words. Bins of one space are a
 * stack.
 */
export class BinsBySpace {
  /** Level 0 has a bit for each space, level k one for each word of level k - 1. */
  readonly #levels: readonly Uint32Array[];
  /** [capacity + 1] the bin put last with that space. */
  readonly #top: Int32Array;
  /** [bins] the bin below it in its stack. */
  #below: Int32Array = new Int32Array(1024);

  constructor(capacity: number) {
    this.#top = new Int32Array(capacity + 1).fill(NONE);
    const levels: Uint32Array[] = [];
    let width = capacity + 1;
    do {
      width = Math.ceil(width / 32);
      levels.push(new Uint32Array(width));
    } while (width > 1);
    this.#levels = levels;
  }

  /** Add a bin with `space` left. */
  put(bin: number, space: number): void {
    this.#reserve(bin);
    const top = this.#top[space]!;
    this.#below[bin] = top;
    this.#top[space] = bin;
    if (top !== NONE) return;
    let place = space;
    for (const level of this.#levels) {
      const word = place >>> 5;
      const before = level[word]!;
      level[word] = before | (1 << (place & 31));
      if (before !== 0) return;
      place = word;
    }
  }

  /** The least space of at least `size` that a bin has, or -1. */
  tightest(size: number): number {
    let place = size;
    for (let depth = 0; depth < this.#levels.length; depth++) {
      const level = this.#levels[depth]!;
      const word = place >>> 5;
      const bits = word < level.length ? level[word]! & (-1 << (place & 31)) : 0;
      if (bits !== 0) return this.#leastBelow(depth, (word << 5) | lowestBit(bits));
      place = word + 1;
    }
    return NONE;
  }

  /** Remove the bin put last among those with exactly `space`; there is one. */
  take(space: number): number {
    const bin = this.#top[space]!;
    const below = this.#below[bin]!;
    this.#top[space] = below;
    if (below === NONE) this.#clear(space);
    return bin;
  }

  #leastBelow(depth: number, place: number): number {
    let found = place;
    for (let k = depth - 1; k >= 0; k--) found = (found << 5) | lowestBit(this.#levels[k]![found]!);
    return found;
  }

  #clear(space: number): void {
    let place = space;
    for (const level of this.#levels) {
      const word = place >>> 5;
      const left = level[word]! & ~(1 << (place & 31));
      level[word] = left;
      if (left !== 0) return;
      place = word;
    }
  }

  #reserve(bin: number): void {
    if (bin < this.#below.length) return;
    const larger = new Int32Array(Math.max(bin + 1, this.#below.length * 2));
    larger.set(this.#below);
    this.#below = larger;
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
