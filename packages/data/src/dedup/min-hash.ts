/**
 * MinHash signatures (Broder 1997) and their bands, for near-duplicate search as FineWeb does it: 14 buckets of 8 hashes
 * over 5-grams of words. Two texts of Jaccard similarity s agree in one hash with probability s, so in at least one whole
 * bucket with P(s) = 1 - (1 - s^8)^14: .5 -> .05, .7 -> .56, .8 -> .92, .9 -> .9996.
 *
 * Differs from datatrove in texts (simplify-text.ts: numbers count, unless `numbers` is "zero"), and in hashes: it takes (a x + b) mod (2^61 - 1) over 64-bit hashes: JavaScript has no fast 61-bit product,
 * so the family here is h_i(x) = a_i x + b_i mod 2^32 by `Math.imul`, a_i odd, over shingle hashes x that are already
 * mixed 32-bit words, compared as signed integers. Each h_i is a bijection of the 32-bit words, so it adds no collision to
 * that of the shingle hashes (see shingler.ts: similarity moves by less than max(n, m) / 2^32). A minimum over n shingles
 * lies within about 2^32 / n, so two unrelated ones are equal by accident with probability n / 2^32; a bucket needs 8.
 * A bucket's 8 minima are kept as a 64-bit key: among N documents N^2 / 2^65 pairs a bucket are equal by accident, 0.004
 * over 14 buckets at N = 10^8, and these are sorted out by comparing signatures.
 *
 * Cost: one pass over the text, then buckets x hashes multiplications a shingle, in blocks that stay in the first cache.
 */

import { mixBits } from "../mix-bits.ts";
import { createRandom } from "../random.ts";
import { Shingler, type VisitShingles } from "./shingler.ts";

/** How signatures are made; all of it must be equal for signatures to be comparable. */
export interface MinHashSettings {
  /** Groups of hashes, of which one must agree as a whole. */
  readonly buckets: number;
  readonly hashesPerBucket: number;
  /** Tokens in a shingle. */
  readonly ngram: number;
  readonly seed: number;
  /** Whether digits are compared (default) or each run of them is one 0. */
  readonly numbers?: "keep" | "zero";
}

/** Makes signatures. Keeps its buffers, so one serves many documents. */
export class MinHash {
  /** Hashes in a signature. */
  readonly length: number;
  readonly #buckets: number;
  readonly #multipliers: Int32Array;
  readonly #offsets: Int32Array;
  readonly #minima: Int32Array;
  readonly #shingler: Shingler;
  readonly #visit: VisitShingles;

  constructor({ buckets, hashesPerBucket, ngram, seed, numbers = "keep" }: MinHashSettings) {
    this.length = buckets * hashesPerBucket;
    this.#buckets = buckets;
    const random = createRandom({ seed });
    const padded = Math.ceil(this.length / 4) * 4; // the inner loop takes four at a time
    this.#multipliers = Int32Array.from({ length: padded }, () => random.nextUint32() | 1);
    this.#offsets = Int32Array.from({ length: padded }, () => random.nextUint32());
    this.#minima = new Int32Array(padded);
    this.#shingler = new Shingler({ ngram, numbers });
    this.#visit = (hashes, count) => lowerMinima(this.#minima, hashes, count, this.#multipliers, this.#offsets);
  }

  /** The signature of a text: `length` signed 32-bit minima. A view that the next call writes again. */
  signature(text: string): Int32Array {
    this.#minima.fill(0x7fffffff);
    this.#shingler.each(text, this.#visit);
    return this.#minima.subarray(0, this.length);
  }

  /** Write a signature's keys to `keys`: two 32-bit words a bucket. */
  bandKeys(signature: Int32Array, keys: Uint32Array): void {
    const rows = this.length / this.#buckets;
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      let high = 0x165667b1;
      let low = 0x27d4eb2f;
      for (let i = bucket * rows; i < (bucket + 1) * rows; i++) {
        high = mixBits(Math.imul(high, 5) ^ signature[i]!);
        low = mixBits(Math.imul(low, 9) + signature[i]!);
      }
      keys[2 * bucket] = high;
      keys[2 * bucket + 1] = low;
    }
  }
}

/** The share of equal hashes: an estimate of the Jaccard similarity s with variance s (1 - s) / length. */
export function estimateSimilarity(a: Int32Array, b: Int32Array): number {
  let equal = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) equal++;
  return equal / a.length;
}

function lowerMinima(minima: Int32Array, hashes: Int32Array, count: number, a: Int32Array, b: Int32Array): void {
  for (let k = 0; k < minima.length; k += 4) {
    const a0 = a[k]!;
    const a1 = a[k + 1]!;
    const a2 = a[k + 2]!;
    const a3 = a[k + 3]!;
    const b0 = b[k]!;
    const b1 = b[k + 1]!;
    const b2 = b[k + 2]!;
    const b3 = b[k + 3]!;
    let m0 = minima[k]!;
    let m1 = minima[k + 1]!;
    let m2 = minima[k + 2]!;
    let m3 = minima[k + 3]!;
    for (let i = 0; i < count; i++) {
      const x = hashes[i]!;
      const h0 = (Math.imul(a0, x) + b0) | 0;
      const h1 = (Math.imul(a1, x) + b1) | 0;
      const h2 = (Math.imul(a2, x) + b2) | 0;
      const h3 = (Math.imul(a3, x) + b3) | 0;
      if (h0 < m0) m0 = h0;
      if (h1 < m1) m1 = h1;
      if (h2 < m2) m2 = h2;
      if (h3 < m3) m3 = h3;
    }
    minima[k] = m0;
    minima[k + 1] = m1;
    minima[k + 2] = m2;
    minima[k + 3] = m3;
  }
}
