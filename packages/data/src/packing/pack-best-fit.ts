/**
 * Best-fit packing (Ding et al. 2024, arXiv 2404.10830, section 3): documents longer than a bin are cut into bin-long
 * pieces; then, longest piece first, each piece goes into the bin that it leaves the least space in, a new one when it
 * fits in none.
 *
 * Pieces are ordered by a counting sort; the tightest bin is found by a segment tree over spaces: O(N log T) for N pieces
 * and T places a bin.
 */
import { requireInteger } from "../require-integer.ts";
import { requireOptions } from "../require-options.ts";
import { BinsBySpace } from "./bins-by-space.ts";

/** What becomes of documents longer than a bin. */
export const LONG = ["split", "truncate"] as const;

/** Options of `packBestFit`. */
export interface BestFitOptions {
  /** Documents longer than a bin: cut into several pieces, or only their beginning is kept. Default "split". */
  readonly long?: "split" | "truncate";
}

/** Which pieces of which documents share a bin. P pieces, flat: bin b has pieces binStarts[b] to binStarts[b + 1] - 1. */
export interface BestFitBins {
  readonly binCount: number;
  /** [bins + 1] */
  readonly binStarts: Int32Array;
  /** [P] index of the document that the piece is of. */
  readonly documents: Int32Array;
  /** [P] where in its document the piece begins. */
  readonly offsets: Int32Array;
  /** [P] places that the piece takes, at least 1. */
  readonly lengths: Int32Array;
  /** Share of all places that is used, in (0, 1]; 1 without bins. */
  readonly utilization: number;
}

/**
 * Pack documents of the given lengths into bins of `capacity` places. Empty documents are left out.
 *
 * The result depends on nothing but the arguments: among pieces of one length the first goes first, among bins with one
 * space the one that came to it last is filled; bins are numbered as they were opened, pieces are in the order they came.
 * Accepts: up to 2^31 - 1 pieces, lengths below 2^31. Cost: O(N log capacity) time, 32 bytes a piece.
 * Utilization: 99.5 % and more on real text, whose lengths vary, packed all together. Documents of one length, or all
 * short of it, leave what is no sum of them: sets of uniform short documents stay at 98.2 % of bins of 512.
 * @throws OutOfRangeError for a capacity or a length that is none; ConfigError for an option that is none.
 */
export function packBestFit(lengths: ArrayLike<number>, capacity: number, options: BestFitOptions = {}): BestFitBins {
  requireOptions("packBestFit", options, { long: LONG });
  const { long = "split" } = options;
  requireInteger("packBestFit", "capacity", capacity, 1, 2 ** 31 - 1);
  const pieces = cut(lengths, capacity, long);
  const order = longestFirst(pieces.lengths, capacity);
  const { binOf, binCount } = place(pieces.lengths, order, capacity);
  return gather(pieces, { order, binOf, binCount, capacity });
}

interface Pieces {
  readonly documents: Int32Array;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
}

function cut(lengths: ArrayLike<number>, capacity: number, long: "split" | "truncate"): Pieces {
  let count = 0;
  for (let d = 0; d < lengths.length; d++) {
    const length = lengths[d]!;
    requireInteger("packBestFit", `lengths[${d}]`, length, 0, 2 ** 31 - 1);
    count += long === "split" ? Math.ceil(length / capacity) : Math.min(length, 1);
  }
  const pieces = { documents: new Int32Array(count), offsets: new Int32Array(count), lengths: new Int32Array(count) };
  let p = 0;
  for (let d = 0; d < lengths.length; d++) {
    const end = long === "split" ? lengths[d]! : Math.min(lengths[d]!, capacity);
    for (let offset = 0; offset < end; offset += capacity) {
      pieces.documents[p] = d;
      pieces.offsets[p] = offset;
      pieces.lengths[p++] = Math.min(capacity, end - offset);
    }
  }
  return pieces;
}

/** Stable counting sort: indices of pieces by falling length. */
function longestFirst(lengths: Int32Array, capacity: number): Int32Array {
  const starts = new Int32Array(capacity + 1);
  for (const length of lengths) starts[length - 1]! += 1;
  for (let length = capacity, sum = 0; length >= 0; length--) {
    const count = starts[length]!;
    starts[length] = sum; // of pieces of length + 1
    sum += count;
  }
  const order = new Int32Array(lengths.length);
  for (let p = 0; p < lengths.length; p++) order[starts[lengths[p]! - 1]!++] = p;
  return order;
}

function place(lengths: Int32Array, order: Int32Array, capacity: number): { binOf: Int32Array; binCount: number } {
  const binOf = new Int32Array(lengths.length);
  const open = new BinsBySpace(capacity);
  let binCount = 0;
  for (const p of order) {
    const size = lengths[p]!;
    const tightest = open.tightest(size);
    const bin = tightest < 0 ? binCount++ : open.take(tightest);
    const left = (tightest < 0 ? capacity : tightest) - size;
    binOf[p] = bin;
    if (left > 0) open.put(bin, left);
  }
  return { binOf, binCount };
}

/** Pieces by bin, in the order in which they came to it. */
function gather(
  pieces: Pieces,
  { order, binOf, binCount, capacity }: { order: Int32Array; binOf: Int32Array; binCount: number; capacity: number },
): BestFitBins {
  const binStarts = new Int32Array(binCount + 1);
  for (const bin of binOf) binStarts[bin + 1]! += 1;
  for (let bin = 0; bin < binCount; bin++) binStarts[bin + 1]! += binStarts[bin]!;
  const [next, count] = [binStarts.slice(), order.length];
  const out = { documents: new Int32Array(count), offsets: new Int32Array(count), lengths: new Int32Array(count) };
  let used = 0;
  for (const p of order) {
    const to = next[binOf[p]!]!++;
    out.documents[to] = pieces.documents[p]!;
    out.offsets[to] = pieces.offsets[p]!;
    out.lengths[to] = pieces.lengths[p]!;
    used += pieces.lengths[p]!;
  }
  return { binCount, binStarts, ...out, utilization: binCount === 0 ? 1 : used / (binCount * capacity) };
}
