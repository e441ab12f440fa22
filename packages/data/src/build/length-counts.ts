/**
 * How many lengths fall into each bin, for histograms over many orders of magnitude: bins begin at 0, 1, 2, 3, 4, 6, 8,
 * 12, 16, 24 ..: every power of two, and half as much again.
 */

/** Counts by number of the bin; may be shorter than the number of bins. */
export type LengthCounts = number[];

/** One bin that is not empty. */
export interface LengthBin {
  /** The least length in it. */
  readonly from: number;
  /** The least length above it. */
  readonly to: number;
  readonly count: number;
}

/** Count one more length, an integer in [0, 2^31). */
export function countLength(counts: LengthCounts, length: number): void {
  const bin = binOf(length);
  while (counts.length <= bin) counts.push(0);
  counts[bin]!++;
}

/** The sum of two counts. */
export function addLengths(a: LengthCounts, b: LengthCounts): LengthCounts {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, bin) => (a[bin] ?? 0) + (b[bin] ?? 0));
}

/** The bins from the first to the last that holds something. */
export function lengthBins(counts: LengthCounts): LengthBin[] {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  if (first < 0) return [];
  return counts
    .slice(first, last + 1)
    .map((count, i) => ({ from: startOf(first + i), to: startOf(first + i + 1), count }));
}

/** 0, 1, then two for each power of two: 2^k is in bin 2 k, 3 * 2^(k - 1) in bin 2 k + 1. */
function binOf(length: number): number {
  if (length < 2) return length;
  const power = 31 - Math.clz32(length);
  return 2 * power + (length >= 3 * 2 ** (power - 1) ? 1 : 0);
}

function startOf(bin: number): number {
  if (bin < 2) return bin;
  const power = 2 ** (bin >> 1);
  return bin % 2 === 0 ? power : power * 1.5;
}
