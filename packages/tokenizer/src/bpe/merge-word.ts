import { type Merges, MISSING, PairTable } from "./pair-table.ts";
import { RankQueue } from "./rank-queue.ts";

/**
 * Words of up to this many symbols are scanned for their lowest rank, which beats any queue at that size. Longer ones (a
 * run of Chinese, a line of dashes) wait in a queue over a linked list: linear, never quadratic.
 */
const SCAN_LIMIT = 40;
/** Largest number of merges: ranks index arrays. */
export const MAX_MERGES: number = 2 ** 22;

/** A node of the linked list: symbol, previous place, next place, rank of the pair that begins here. One cache line has four. */
const NODE = 4;
const [PREVIOUS, NEXT, RANK] = [1, 2, 3];

/** Applies a model's merges to words: the pair of lowest rank first, the leftmost of equals, until none is left. */
export class WordMerger {
  readonly pairs: PairTable;
  readonly #merges: Merges;
  readonly #scanRanks: Int32Array = new Int32Array(SCAN_LIMIT);
  #queue: RankQueue | undefined;
  readonly #taken: { places: Int32Array } = { places: new Int32Array(64) };
  #nodes: Int32Array = new Int32Array(0);

  constructor(merges: Merges) {
    this.#merges = merges;
    this.pairs = new PairTable(merges);
  }

  /** Merge `symbols[0, length)` in place; returns the new length. */
  merge(symbols: Int32Array, length: number): number {
    if (length < 2) return length;
    return length <= SCAN_LIMIT ? this.#mergeByScan(symbols, length) : this.#mergeByQueue(symbols, length);
  }

  #mergeByScan(symbols: Int32Array, length: number): number {
    const ranks = this.#scanRanks;
    const { pairs } = this;
    const { result } = this.#merges;
    let n = length;
    for (let i = 0; i + 1 < n; i++) ranks[i] = pairs.rankOf(symbols[i]!, symbols[i + 1]!);
    while (n > 1) {
      let at = 0;
      let rank = ranks[0]!;
      for (let i = 1; i + 1 < n; i++) {
        if (ranks[i]! < rank) {
          rank = ranks[i]!;
          at = i;
        }
      }
      if (rank === MISSING) break;
      symbols[at] = result[rank]!;
      n--;
      for (let i = at + 1; i < n; i++) {
        symbols[i] = symbols[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      if (at > 0) ranks[at - 1] = pairs.rankOf(symbols[at - 1]!, symbols[at]!);
      if (at + 1 < n) ranks[at] = pairs.rankOf(symbols[at]!, symbols[at + 1]!);
    }
    return n;
  }

  #mergeByQueue(symbols: Int32Array, length: number): number {
    this.#start(symbols, length);
    const queue = this.#queue!;
    const nodes = this.#nodes;
    const { left, right } = this.#merges;
    for (let rank = queue.lowest(); rank >= 0; rank = queue.lowest()) {
      const count = queue.take(rank, this.#taken);
      const places = this.#taken.places;
      // Places of "aa" may overlap, and the leftmost goes first; those of other pairs cannot.
      if (left[rank] === right[rank]) sortPlaces(places, count);
      for (let i = 0; i < count; i++) {
        // A lower rank that a merge has just made goes first: what is left of this bucket waits again.
        if (nodes[places[i]! * NODE + RANK] === rank && this.#mergeAt(length, places[i]!, rank) < rank) {
          for (let rest = i + 1; rest < count; rest++) queue.push(rank, places[rest]!);
          break;
        }
      }
    }
    queue.reset();
    let n = 0;
    for (let i = 0; i < length; i = nodes[i * NODE + NEXT]!) symbols[n++] = nodes[i * NODE]!;
    return n;
  }

  #start(symbols: Int32Array, length: number): void {
    this.#queue ??= new RankQueue(this.#merges.left.length);
    if (this.#nodes.length < NODE * length) this.#nodes = new Int32Array(NODE * (length + (length >> 1)));
    const nodes = this.#nodes;
    for (let i = 0, at = 0; i < length; i++, at += NODE) {
      nodes[at] = symbols[i]!;
      nodes[at + PREVIOUS] = i - 1;
      nodes[at + NEXT] = i + 1;
    }
    for (let i = 0; i < length; i++) this.#rate(length, i);
  }

  /** Enter the pair that begins at a place; returns its rank. */
  #rate(length: number, place: number): number {
    const nodes = this.#nodes;
    const at = place * NODE;
    const next = nodes[at + NEXT]!;
    const rank = next < length ? this.pairs.rankOf(nodes[at]!, nodes[next * NODE]!) : MISSING;
    nodes[at + RANK] = rank;
    if (rank !== MISSING) this.#queue!.push(rank, place);
    return rank;
  }

  /** Merge the pair at a place; returns the lowest rank that this makes. */
  #mergeAt(length: number, place: number, rank: number): number {
    const nodes = this.#nodes;
    const at = place * NODE;
    const removed = nodes[at + NEXT]! * NODE;
    const after = nodes[removed + NEXT]!;
    nodes[at] = this.#merges.result[rank]!;
    nodes[removed + RANK] = MISSING;
    nodes[at + NEXT] = after;
    if (after < length) nodes[after * NODE + PREVIOUS] = place;
    const made = this.#rate(length, place);
    const before = nodes[at + PREVIOUS]!;
    return before < 0 ? made : Math.min(made, this.#rate(length, before));
  }
}

/** Sort the first places, unless they are in order already, as they mostly are. */
function sortPlaces(places: Int32Array, count: number): void {
  for (let i = 1; i < count; i++) {
    if (places[i]! > places[i - 1]!) continue;
    places.subarray(0, count).sort();
    return;
  }
}
