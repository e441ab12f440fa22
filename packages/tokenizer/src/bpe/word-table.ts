import { grown } from "../growable.ts";

/**
 * A set of distinct words, numbered from 0 in order of arrival: open addressing over UTF-16 units kept in one arena.
 *
 * A look-up reads the text in place and makes no substring; a stored word keeps no reference to the text that it came
 * from (a sliced string would keep its whole document alive). It backs both word counting and the encoder's cache.
 */
export class WordTable {
  size = 0;
  #units: Uint16Array = new Uint16Array(1 << 12);
  #starts: Int32Array = new Int32Array(1 << 10);
  #hashes: Int32Array = new Int32Array(1 << 10);
  #slots: Int32Array = new Int32Array(1 << 11);

  /** The number of `text[from, to)`, which is added when new: then the number is the former `size`. */
  add(text: string, from: number, to: number): number {
    const hash = hashRange(text, from, to);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, text, from, to)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = this.size + 1;
    return this.#store(hash, text, from, to);
  }

  /** Length of a stored word in UTF-16 units. */
  lengthOf(word: number): number {
    return this.#starts[word + 1]! - this.#starts[word]!;
  }

  /** UTF-16 units of all stored words, end to end. */
  get unitCount(): number {
    return this.#starts[this.size]!;
  }

  /** The units of one stored word: a view, valid until the next `add`. */
  unitsOf(word: number): Uint16Array {
    return this.#units.subarray(this.#starts[word]!, this.#starts[word + 1]!);
  }

  clear(): void {
    this.size = 0;
    this.#slots.fill(0);
  }

  #equals(word: number, text: string, from: number, to: number): boolean {
    const start = this.#starts[word]!;
    if (this.#starts[word + 1]! - start !== to - from) return false;
    for (let i = from, j = start; i < to; i++, j++) if (this.#units[j] !== text.charCodeAt(i)) return false;
    return true;
  }

  #store(hash: number, text: string, from: number, to: number): number {
    const word = this.size++;
    if (word + 2 > this.#starts.length) {
      this.#starts = grown(this.#starts, word + 2);
      this.#hashes = grown(this.#hashes, word + 1);
    }
    const start = this.#starts[word]!;
    if (start + to - from > this.#units.length) this.#units = grown(this.#units, start + to - from);
    for (let i = from, j = start; i < to; i++, j++) this.#units[j] = text.charCodeAt(i);
    this.#starts[word + 1] = start + to - from;
    this.#hashes[word] = hash;
    if (this.size * 2 > this.#slots.length) this.#rehash();
    return word;
  }

  #rehash(): void {
    const mask = this.#slots.length * 2 - 1;
    const slots = new Int32Array(mask + 1);
    for (let word = 0; word < this.size; word++) {
      let slot = this.#hashes[word]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = word + 1;
    }
    this.#slots = slots;
  }
}

function hashRange(text: string, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}
