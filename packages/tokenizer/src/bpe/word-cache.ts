import { grown } from "../growable.ts";

/** Record 0 is no word. */
const NO_RECORD = 0;
const FIRST_RECORD = 1;
const FIRST_SLOTS = 1 << 12;

/**
 * The ids of words met before, by their UTF-8: open addressing, at most half full.
 *
 * A look-up compares four bytes at a time in place and makes nothing. A word's record is one run of numbers (its length,
 * its bytes by fours, the count of its ids, its ids), so that a hit touches few cache lines.
 */
export class WordCache {
  /** Words held. */
  size = 0;
  /** The records, end to end. Read a found word's ids here, from `idsAt`, before the next `add`. */
  records: Int32Array = new Int32Array(1 << 14);
  #slots: Int32Array = new Int32Array(FIRST_SLOTS);
  #end: number = FIRST_RECORD;
  #hash = 0;

  /** Numbers that the records take. */
  get length(): number {
    return this.#end;
  }

  /**
   * The record of a word, or 0 for a new one, which the next `add` then stores.
   *
   * `view` must allow reads of four bytes from the word's last byte on.
   */
  find(view: DataView, from: number, length: number): number {
    const rest = length & 3;
    const restAt = from + length - rest;
    let hash = length;
    for (let at = from; at < restAt; at += 4) hash = mix(hash, view.getInt32(at, true));
    const last = rest === 0 ? 0 : view.getInt32(restAt, true) & ((1 << (rest << 3)) - 1);
    if (rest !== 0) hash = mix(hash, last);
    hash = spread(hash);
    this.#hash = hash;
    const { records } = this;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const record = slots[slot]!;
      if (record === NO_RECORD) return NO_RECORD;
      if (records[record] !== length) continue;
      let word = record + 1;
      let at = from;
      while (at < restAt && records[word] === view.getInt32(at, true)) {
        at += 4;
        word++;
      }
      if (at === restAt && (rest === 0 || records[word] === last)) return record;
    }
  }

  /** Where a record of a word of `length` bytes has the count of its ids; they follow it. */
  idsAt(record: number, length: number): number {
    return record + 1 + ((length + 3) >> 2);
  }

  /** Store the word that `find` has just not found; returns its record. */
  add(view: DataView, from: number, length: number, ids: Int32Array, count: number): number {
    const record = this.#end;
    const end = record + 2 + ((length + 3) >> 2) + count;
    if (end > this.records.length) this.records = grown(this.records, end);
    const { records } = this;
    let at = record;
    records[at++] = length;
    for (let i = 0; i < length; i += 4) {
      const left = length - i;
      const four = view.getInt32(from + i, true);
      records[at++] = left >= 4 ? four : four & ((1 << (left << 3)) - 1);
    }
    records[at++] = count;
    for (let i = 0; i < count; i++) records[at++] = ids[i]!;
    this.#end = end;
    place(this.#slots, this.#hash, record);
    if (++this.size * 2 > this.#slots.length) this.#rehash();
    return record;
  }

  /** Every record with its word's length, in order of arrival. */
  *eachRecord(): Generator<{ readonly record: number; readonly length: number }> {
    for (let record = FIRST_RECORD; record < this.#end; ) {
      const length = this.records[record]!;
      yield { record, length };
      const countAt = this.idsAt(record, length);
      record = countAt + 1 + this.records[countAt]!;
    }
  }

  /** Write the bytes of a record's word to the start of `out`. */
  copyWord(record: number, out: Uint8Array): void {
    const length = this.records[record]!;
    for (let i = 0; i < length; i++) out[i] = this.records[record + 1 + (i >> 2)]! >>> ((i & 3) << 3);
  }

  /** Forget all words; the memory stays. */
  clear(): void {
    this.size = 0;
    this.#end = FIRST_RECORD;
    this.#slots.fill(NO_RECORD);
  }

  #rehash(): void {
    const { records } = this;
    const slots = new Int32Array(this.#slots.length * 2);
    for (const { record, length } of this.eachRecord()) {
      let hash = length;
      for (let i = 0; i < length; i += 4) hash = mix(hash, records[record + 1 + (i >> 2)]!);
      place(slots, spread(hash), record);
    }
    this.#slots = slots;
  }
}

function place(slots: Int32Array, hash: number, record: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== NO_RECORD) slot = (slot + 1) & mask;
  slots[slot] = record;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

function spread(hash: number): number {
  const mixed = Math.imul(hash, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
