import { FNV_START, fnv1a } from "../fnv1a.ts";
import type { TokenScan } from "./token-scan.ts";

/** The most frequent n-gram: how often it occurs, and where its first one begins; count 0 when none occurs twice. */
export interface TopNgram {
  readonly count: number;
  /** Index of its first token. */
  readonly at: number;
}

/**
 * Numbers the n-grams of a text for n = 1, 2, 3 ..., equal n-grams equal numbers, without making a string.
 *
 * Exact: tokens are told apart by their characters, and an n-gram is the pair of the two (n-1)-grams it is made of,
 * looked up in a hash table of integers. An n-gram that holds an (n-1)-gram which occurs once occurs once itself and
 * needs no look-up, so in ordinary text the work beyond n = 3 is next to nothing. Cost: O(tokens) for each n.
 */
export class NgramIds {
  /** The current n. */
  n = 0;
  /** Positions that hold an n-gram: tokens - n + 1. */
  length = 0;
  /** How many different n-grams occur at least twice. */
  repeated = 0;
  #ids: Int32Array = new Int32Array(0);
  #firsts: Int32Array = new Int32Array(0);
  #lefts: Int32Array = new Int32Array(0);
  #rights: Int32Array = new Int32Array(0);
  #counts: Int32Array = new Int32Array(0);
  #table: Int32Array = new Int32Array(0);
  #units: Float64Array = new Float64Array(0);

  /** Number the single tokens of a text that `tokens` has scanned. */
  start(text: string, tokens: TokenScan): void {
    this.#reserve(tokens.count);
    this.n = 1;
    this.length = tokens.count;
    const { starts, ends } = tokens;
    const mask = this.#clearTable(tokens.count);
    let known = 0;
    for (let i = 0; i < tokens.count; i++) {
      const start = starts[i]!;
      const end = ends[i]!;
      this.#units[i + 1] = this.#units[i]! + end - start;
      let slot = hashOf(text, start, end) & mask;
      let id = this.#table[slot]! - 1;
      while (id >= 0 && !isSame(text, starts[this.#firsts[id]!]!, ends[this.#firsts[id]!]!, start, end)) {
        slot = (slot + 1) & mask;
        id = this.#table[slot]! - 1;
      }
      if (id < 0) {
        id = known++;
        this.#table[slot] = id + 1;
        this.#firsts[id] = i;
        this.#counts[id] = 0;
      }
      this.#counts[id]!++;
      this.#ids[i] = id;
    }
    this.#forgetSingles(known);
  }

  /** Go on to n + 1. */
  next(): void {
    this.n++;
    this.length = Math.max(0, this.length - 1);
    if (this.repeated === 0) return;
    const ids = this.#ids;
    const mask = this.#clearTable(this.#candidates());
    let known = 0;
    for (let i = 0; i < this.length; i++) {
      const left = ids[i]!;
      const right = ids[i + 1]!;
      if (left < 0) continue;
      if (right < 0) {
        ids[i] = -1;
        continue;
      }
      let slot = mix(left, right) & mask;
      let id = this.#table[slot]! - 1;
      while (id >= 0 && (this.#lefts[id] !== left || this.#rights[id] !== right)) {
        slot = (slot + 1) & mask;
        id = this.#table[slot]! - 1;
      }
      if (id < 0) {
        id = known++;
        this.#table[slot] = id + 1;
        this.#lefts[id] = left;
        this.#rights[id] = right;
        this.#firsts[id] = i;
        this.#counts[id] = 0;
      }
      this.#counts[id]!++;
      ids[i] = id;
    }
    this.#forgetSingles(known);
  }

  /** The n-gram with the largest count, the first of several. */
  top(): TopNgram {
    let best = { count: 0, at: 0 };
    for (let id = 0; id < this.repeated; id++) {
      if (this.#counts[id]! > best.count) best = { count: this.#counts[id]!, at: this.#firsts[id]! };
    }
    return best;
  }

  /**
   * UTF-16 units of the tokens in n-grams that were met before, walking from the left: a repeated n-gram is passed over
   * whole, so no token counts twice.
   */
  duplicateUnits(): number {
    if (this.repeated === 0) return 0;
    const seen = this.#lefts.fill(0, 0, this.repeated);
    const ids = this.#ids;
    let units = 0;
    for (let i = 0; i < this.length; ) {
      const id = ids[i]!;
      if (id >= 0 && seen[id] === 1) {
        units += this.#units[i + this.n]! - this.#units[i]!;
        i += this.n;
        continue;
      }
      if (id >= 0) seen[id] = 1;
      i++;
    }
    return units;
  }

  /** Numbers of n-grams that occur once become -1; the others are numbered anew, in the order they first occur. */
  #forgetSingles(known: number): void {
    const renumbered = this.#rights;
    let repeated = 0;
    for (let id = 0; id < known; id++) {
      renumbered[id] = -1;
      if (this.#counts[id] === 1) continue;
      this.#counts[repeated] = this.#counts[id]!;
      this.#firsts[repeated] = this.#firsts[id]!;
      renumbered[id] = repeated++;
    }
    for (let i = 0; i < this.length; i++) if (this.#ids[i]! >= 0) this.#ids[i] = renumbered[this.#ids[i]!]!;
    this.repeated = repeated;
  }

  /** Positions whose next n-gram has to be looked up. */
  #candidates(): number {
    let count = 0;
    for (let i = 0; i < this.length; i++) if (this.#ids[i]! >= 0 && this.#ids[i + 1]! >= 0) count++;
    return count;
  }

  /** Empty a table of at least twice as many slots as entries; the mask of its size. */
  #clearTable(entries: number): number {
    const size = 1 << Math.max(4, 33 - Math.clz32(Math.max(1, entries)));
    if (this.#table.length < size) this.#table = new Int32Array(size);
    else this.#table.fill(0, 0, size);
    return size - 1;
  }

  /** Large rooms are given back when a much smaller text comes. */
  #reserve(tokens: number): void {
    const room = this.#ids.length;
    if (tokens <= room && (room <= KEPT_ROOM || tokens > room / 8)) return;
    const size = Math.max(1024, tokens);
    this.#ids = new Int32Array(size);
    this.#firsts = new Int32Array(size);
    this.#lefts = new Int32Array(size);
    this.#rights = new Int32Array(size);
    this.#counts = new Int32Array(size);
    this.#units = new Float64Array(size + 1);
    this.#table = new Int32Array(0);
  }
}

const KEPT_ROOM = 1 << 20;

/** FNV-1a over UTF-16 units, then MurmurHash3's last mixing, as the low bits choose the slot. */
function hashOf(text: string, start: number, end: number): number {
  return mix(fnv1a(text, FNV_START, start, end), 0);
}

function mix(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae3d);
  hash = Math.imul(hash ^ (hash >>> 13), 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}

function isSame(text: string, from: number, to: number, start: number, end: number): boolean {
  if (to - from !== end - start) return false;
  for (let i = from, j = start; j < end; i++, j++) if (text.charCodeAt(i) !== text.charCodeAt(j)) return false;
  return true;
}
