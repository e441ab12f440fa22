/**
 * Removal of duplicates in two passes: `add` every document, `finish`, then take the documents again through
 * `result.keepStage()`. Nothing of the texts is kept between the passes.
 *
 * Exact mode compares 128-bit hashes (hash-text.ts), MinHash mode signatures (min-hash.ts), as FineWeb does. Likeness is
 * taken as transitive: duplicates of duplicates are one cluster, of which one item stays.
 */
import type { Document } from "../document.ts";
import { type DedupOptions, keyShapeOf, resolveDedupOptions } from "./dedup-options.ts";
import { DedupPass } from "./dedup-pass.ts";
import type { DedupResult } from "./dedup-result.ts";
import { MemoryKeyStore } from "./key-store.ts";

/** The first pass of a search for duplicates. */
export interface Deduplicator {
  /** Documents added so far. */
  readonly documents: number;
  /** References added so far. */
  readonly references: number;
  /** Take the next document. @throws StateError after `finish`. */
  add(document: Document): void;
  /**
   * Take a document of another set: whatever is alike to it is dropped (decontamination), and it is not counted itself.
   * @throws StateError after the first `add`, and after `finish`.
   */
  addReference(document: Document): void;
  /** Find the clusters. To be called once. */
  finish(): Promise<DedupResult>;
}

/** Bytes for sorting. */
const MEMORY_LIMIT = 2 ** 28;

/**
 * A search for duplicates in memory, also in browsers: an item takes 24 bytes in exact mode and, by default, 568 in MinHash mode
 * (8 a bucket, 4 a hash, 8). For more than memory holds, or to survive an end of the process, see `openDeduplicator` of
 * `@ds3/data/node`; its result is the same.
 * @throws ConfigError for no options, an unknown option or choice, or one of the other mode; OutOfRangeError for a number out of range.
 */
export function createDeduplicator(options: DedupOptions): Deduplicator {
  const settings = resolveDedupOptions("createDeduplicator", options);
  const start = { documents: 0, references: 0, referenceItems: 0 };
  const pass = new DedupPass(settings, new MemoryKeyStore(keyShapeOf(settings)), start);
  return {
    get documents() {
      return pass.progress.documents;
    },
    get references() {
      return pass.progress.references;
    },
    add: (document) => pass.add(document),
    addReference: (document) => pass.addReference(document),
    finish: () => pass.finish(MEMORY_LIMIT),
  };
}
