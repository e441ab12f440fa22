import { type Merges, MISSING, type PairTable } from "./pair-table.ts";

/**
 * Applying merges to one word: the pair of lowest rank first, the leftmost of equals, until none is left.
 *
 * Words of up to 32 symbols are scanned for their minimum, which beats a heap at that size. Longer ones (a CJK run, a
 * line of dashes) take a heap over a linked list: O(n log n), never quadratic.
 */
const SCAN_LIMIT = 32;
/** Heap keys are rank * 2^31 + position: exact in a double for ranks below 2^22. */
const POSITION_SPAN = 2 ** 31;
/** Largest number of merges that the heap's keys can order. */
export const MAX_MERGES: number = 2 ** 22;

const scanRanks = new Int32Array(SCAN_LIMIT);

/** Merge `symbols[0, length)` in place; returns the new length. */
export function mergeWord(symbols: Int32Array, length: number, pairs: PairTable, merges: Merges): number {
  if (length < 2) return length;
  return length <= SCAN_LIMIT
    ? mergeByScan(symbols, length, pairs, merges)
    : mergeByHeap(symbols, length, pairs, merges);
}

function mergeByScan(symbols: Int32Array, length: number, pairs: PairTable, merges: Merges): number {
  const ranks = scanRanks;
  let n = length;
  for (let i = 0; i + 1 < n; i++) ranks[i] = pairs.rankOf(symbols[i]!, symbols[i + 1]!);
  while (n > 1) {
    let at = 0;
    for (let i = 1; i + 1 < n; i++) if (ranks[i]! < ranks[at]!) at = i;
    const rank = ranks[at]!;
    if (rank === MISSING) break;
    symbols[at] = merges.result[rank]!;
    n--;
    for (let i = at + 1; i < n; i++) symbols[i] = symbols[i + 1]!;
    for (let i = at + 1; i + 1 < n; i++) ranks[i] = ranks[i + 1]!;
    if (at > 0) ranks[at - 1] = pairs.rankOf(symbols[at - 1]!, symbols[at]!);
    if (at + 1 < n) ranks[at] = pairs.rankOf(symbols[at]!, symbols[at + 1]!);
  }
  return n;
}

function mergeByHeap(symbols: Int32Array, length: number, pairs: PairTable, merges: Merges): number {
  const previous = new Int32Array(length);
  const next = new Int32Array(length);
  const ranks = new Int32Array(length).fill(MISSING);
  const heap = new KeyHeap(length);
  const rate = (position: number): void => {
    const right = next[position]!;
    const rank = right < length ? pairs.rankOf(symbols[position]!, symbols[right]!) : MISSING;
    ranks[position] = rank;
    if (rank !== MISSING) heap.push(rank * POSITION_SPAN + position);
  };
  for (let i = 0; i < length; i++) {
    previous[i] = i - 1;
    next[i] = i + 1;
  }
  for (let i = 0; i < length; i++) rate(i);
  while (heap.size > 0) {
    const key = heap.pop();
    const position = key % POSITION_SPAN;
    const rank = (key - position) / POSITION_SPAN;
    if (ranks[position] !== rank) continue; // the pair has changed since it was pushed
    const removed = next[position]!;
    symbols[position] = merges.result[rank]!;
    ranks[removed] = MISSING;
    next[position] = next[removed]!;
    if (next[position]! < length) previous[next[position]!] = position;
    rate(position);
    if (previous[position]! >= 0) rate(previous[position]!);
  }
  let n = 0;
  for (let i = 0; i < length; i = next[i]!) symbols[n++] = symbols[i]!;
  return n;
}

/** Binary min-heap of exact non-negative integers held in doubles. */
class KeyHeap {
  size = 0;
  #keys: Float64Array;

  constructor(capacity: number) {
    // Each merge removes one symbol and pushes at most two keys, on top of one key per starting pair.
    this.#keys = new Float64Array(capacity * 3);
  }

  push(key: number): void {
    const keys = this.#keys;
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[i] = keys[parent]!;
      i = parent;
    }
    keys[i] = key;
  }

  pop(): number {
    const keys = this.#keys;
    const top = keys[0]!;
    const last = keys[--this.size]!;
    let i = 0;
    for (let child = 1; child < this.size; child = 2 * i + 1) {
      if (child + 1 < this.size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[i] = keys[child]!;
      i = child;
    }
    keys[i] = last;
    return top;
  }
}
