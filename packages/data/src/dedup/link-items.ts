/**
 * From keys to clusters, in bounded memory: each band's items are sorted by key; in a group of equal keys every item is
 * linked with the group's first and with the one before it, if their signatures are alike enough, and linked items are in
 * one cluster (union-find).
 *
 * The links follow from the groups alone, so clusters do not depend on how much memory there is. What does not fit is
 * taken in several ranges of the key, each with one more scan of the band; when a range overflows all the same, because
 * many items have one key, its groups are linked and cut back to their first and last members, which give the same links.
 */

import type { KeyStore } from "./key-store.ts";
import { estimateSimilarity } from "./min-hash.ts";
import { sortRecords } from "./radix-sort.ts";
import { UnionFind } from "./union-find.ts";

/** How items are linked. */
export interface LinkOptions {
  /** Least share of equal hashes of two candidates' signatures; 0 takes every candidate. */
  readonly minSimilarity: number;
  /** Bytes for sorting keys. */
  readonly memoryLimit: number;
}

/** Clusters of the items of a store. Lets other tasks of the process run between bands. */
export async function linkItems(store: KeyStore, options: LinkOptions): Promise<UnionFind> {
  const clusters = new UnionFind(store.count);
  const link = createLink(store, clusters, options.minSimilarity);
  const bytes = 2 * 4 * (store.keyWords + 1); // a record and its scratch
  const capacity = Math.max(4, Math.min(store.count, Math.floor(options.memoryLimit / bytes)));
  const groups = new KeyGroups(store.keyWords, capacity, link);
  const ranges = Math.ceil((store.count * 1.05) / capacity); // keys are spread evenly, give or take a little
  for (let band = 0; band < store.bands; band++) {
    for (let range = 0; range < ranges; range++) linkRange(store, band, range, ranges, groups);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return clusters;
}

type Link = (a: number, b: number) => void;

function createLink(store: KeyStore, clusters: UnionFind, minSimilarity: number): Link {
  if (minSimilarity === 0) return (a, b) => clusters.union(a, b);
  const [left, right] = [new Int32Array(store.signatureWords), new Int32Array(store.signatureWords)];
  let held = -1; // the item whose signature `left` holds: a group's first is asked for again and again
  return (a, b) => {
    if (clusters.find(a) === clusters.find(b)) return;
    if (held !== a) store.readSignature(a, left);
    held = a;
    store.readSignature(b, right);
    if (estimateSimilarity(left, right) >= minSimilarity) clusters.union(a, b);
  };
}

function linkRange(store: KeyStore, band: number, range: number, ranges: number, groups: KeyGroups): void {
  const low = (range * 2 ** 32) / ranges;
  const high = ((range + 1) * 2 ** 32) / ranges;
  const { keyWords } = store;
  store.scanKeys(band, (words, first, count) => {
    for (let i = 0; i < count; i++) {
      const leading = words[i * keyWords]!;
      if (leading >= low && leading < high) groups.add(words, i * keyWords, first + i);
    }
  });
  groups.finish();
}

/** Records of a key and an index each, in order of indices; linked by equal keys. */
class KeyGroups {
  readonly #keyWords: number;
  readonly #stride: number;
  readonly #link: Link;
  #records: Uint32Array;
  #scratch: Uint32Array;
  #count = 0;

  constructor(keyWords: number, capacity: number, link: Link) {
    this.#keyWords = keyWords;
    this.#stride = keyWords + 1;
    this.#link = link;
    this.#records = new Uint32Array(capacity * this.#stride);
    this.#scratch = new Uint32Array(capacity * this.#stride);
  }

  add(words: Uint32Array, at: number, index: number): void {
    let end = this.#count * this.#stride;
    if (end === this.#records.length) {
      this.#makeRoom();
      end = this.#count * this.#stride;
    }
    for (let i = 0; i < this.#keyWords; i++) this.#records[end++] = words[at + i]!;
    this.#records[end] = index;
    this.#count++;
  }

  finish(): void {
    this.#linkGroups(false);
    this.#count = 0;
  }

  #makeRoom(): void {
    this.#linkGroups(true);
    if (this.#count * this.#stride * 2 <= this.#records.length) return;
    const grown = new Uint32Array(this.#records.length * 2); // more different keys in the range than an even spread has
    grown.set(this.#records);
    this.#records = grown;
    this.#scratch = new Uint32Array(grown.length);
  }

  /** Sort, link each group's members, and, if more are to come, keep of each group the first and the last. */
  #linkGroups(cutBack: boolean): void {
    const stride = this.#stride;
    const sorted = sortRecords(this.#records, this.#scratch, this.#count, stride, this.#keyWords);
    if (sorted !== this.#records) [this.#records, this.#scratch] = [this.#scratch, this.#records];
    let kept = 0;
    for (let start = 0; start < this.#count; ) {
      const end = this.#linkGroup(start);
      if (cutBack) this.#records.copyWithin(kept++ * stride, start * stride, (start + 1) * stride);
      if (cutBack && end - start > 1) this.#records.copyWithin(kept++ * stride, (end - 1) * stride, end * stride);
      start = end;
    }
    this.#count = kept;
  }

  /** Link the members of the group that starts at a record; returns the record after its last. */
  #linkGroup(start: number): number {
    const [records, stride] = [this.#records, this.#stride];
    const indexOf = (record: number): number => records[record * stride + this.#keyWords]!;
    let end = start + 1;
    for (; end < this.#count && this.#isEqual(start, end); end++) {
      this.#link(indexOf(start), indexOf(end));
      if (end - start > 1) this.#link(indexOf(end - 1), indexOf(end));
    }
    return end;
  }

  #isEqual(a: number, b: number): boolean {
    const [records, stride] = [this.#records, this.#stride];
    for (let i = 0; i < this.#keyWords; i++) if (records[a * stride + i] !== records[b * stride + i]) return false;
    return true;
  }
}
