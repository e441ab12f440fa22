import type { Document } from "../document.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import type { DedupSettings } from "./dedup-options.ts";
import { createKeepStage } from "./keep-stage.ts";
import type { UnionFind } from "./union-find.ts";

/** What a search for duplicates found. An item is a document, or a paragraph or line of one that was compared. */
export interface DedupReport {
  readonly name: string;
  readonly documents: number;
  readonly itemsIn: number;
  readonly itemsOut: number;
  /** UTF-8 bytes of the items. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Clusters of two items or more. */
  readonly clusters: number;
  /** Items of the largest cluster. */
  readonly largestCluster: number;
  /** Time in `add` and `finish` of this process. */
  readonly seconds: number;
  /** Items dropped, by reason: `dedup.exact` or `dedup.minHash`, and `dedup.against`. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** Where an item belongs. */
export interface DedupCluster {
  /** The item that stays; undefined when a reference is in the cluster, so that none does. */
  readonly kept: number | undefined;
  /** Its items, without references. */
  readonly size: number;
}

/** Which items stay. Items are numbered from 0 in the order of `add`. */
export interface DedupResult {
  /** Items, without references. */
  readonly count: number;
  /** Bit `i % 8` of byte `i >> 3` is 1 when item i stays. */
  readonly bitmap: Uint8Array;
  readonly report: DedupReport;
  /** True when an item stays. */
  keep(index: number): boolean;
  clusterOf(index: number): DedupCluster;
  /** How many clusters there are of each size, singles too. */
  clusterSizes(): Map<number, number>;
  /** The second pass over the same documents in the same order, from item `from` on (default 0). See `createKeepStage`. */
  keepStage(options?: { readonly from?: number }): KeepStage;
}

/** The second pass: drops documents, or takes paragraphs or lines out of them. */
export interface KeepStage extends DocumentStage {
  /** The item that the next document starts with: save it to go on with `keepStage({ from })`. */
  readonly position: number;
  process(document: Document): Document | Dropped;
}

/** What `finish` hands over. */
export interface DedupFacts {
  readonly settings: DedupSettings;
  readonly clusters: UnionFind;
  /** Check word and length in bytes of every item, references first. */
  readonly items: Uint32Array;
  readonly referenceItems: number;
  readonly documents: number;
  readonly seconds: number;
}

/** Choose who stays in each cluster and count. Cost: 4 bytes an item beside the facts, 8 for `keep: "longest"`. */
export function createDedupResult(facts: DedupFacts): DedupResult {
  const { clusters, items, referenceItems } = facts;
  const count = items.length / 2 - referenceItems;
  const sizes = clusterSizesByRoot(facts);
  const keepers = facts.settings.keep === "longest" ? longestByRoot(facts) : undefined;
  const keptOf = (root: number): number | undefined =>
    root < referenceItems ? undefined : (keepers?.[root] ?? root) - referenceItems;
  const clusterOf = (index: number): DedupCluster => {
    const root = clusters.find(index + referenceItems);
    return { kept: keptOf(root), size: sizes[root]! };
  };
  const bitmap = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) if (keptOf(clusters.find(i + referenceItems)) === i) bitmap[i >> 3]! |= 1 << (i & 7);
  const keep = (index: number): boolean => ((bitmap[index >> 3]! >> (index & 7)) & 1) === 1;
  const report = createReport(facts, sizes, keep);
  const clusterSizes = (): Map<number, number> => countSizes(sizes);
  const checks = (index: number): number | undefined => items[2 * (index + referenceItems)];
  const keepStage: DedupResult["keepStage"] = ({ from = 0 } = {}) =>
    createKeepStage({ settings: facts.settings, count, keep, clusterOf, checkOf: checks, from });
  return { count, bitmap, report, keep, clusterOf, clusterSizes, keepStage };
}

function clusterSizesByRoot({ clusters, items, referenceItems }: DedupFacts): Uint32Array {
  const sizes = new Uint32Array(items.length / 2);
  for (let i = referenceItems; i < sizes.length; i++) sizes[clusters.find(i)]!++;
  return sizes;
}

function longestByRoot({ clusters, items }: DedupFacts): Uint32Array {
  const longest = Uint32Array.from({ length: items.length / 2 }, (_, index) => index);
  for (let i = 0; i < longest.length; i++) {
    const root = clusters.find(i);
    if (items[2 * i + 1]! > items[2 * longest[root]! + 1]!) longest[root] = i;
  }
  return longest;
}

function countSizes(sizes: Uint32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const size of sizes) if (size > 0) counts.set(size, (counts.get(size) ?? 0) + 1);
  return new Map([...counts].sort(([a], [b]) => a - b));
}

function createReport(facts: DedupFacts, sizes: Uint32Array, keep: (index: number) => boolean): DedupReport {
  const { settings, clusters, items, referenceItems, documents, seconds } = facts;
  const name = `dedup.${settings.mode}`;
  const dropped: Record<string, number> = {};
  const total = { itemsIn: sizes.length - referenceItems, itemsOut: 0, bytesIn: 0, bytesOut: 0 };
  for (let i = referenceItems; i < sizes.length; i++) {
    const bytes = items[2 * i + 1]!;
    total.bytesIn += bytes;
    if (keep(i - referenceItems)) {
      total.itemsOut++;
      total.bytesOut += bytes;
    } else {
      const reason = clusters.find(i) < referenceItems ? "dedup.against" : name;
      dropped[reason] = (dropped[reason] ?? 0) + 1;
    }
  }
  const largestCluster = sizes.reduce((most, size) => Math.max(most, size), 0);
  const several = sizes.reduce((count, size) => count + (size > 1 ? 1 : 0), 0);
  return { name, documents, ...total, clusters: several, largestCluster, seconds, dropped };
}
