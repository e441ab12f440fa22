import { StateError } from "@ds3/errors";
import type { Document } from "../document.ts";
import { utf8Length } from "../utf8-length.ts";
import type { DedupSettings } from "./dedup-options.ts";
import { createDedupResult, type DedupResult } from "./dedup-result.ts";
import { createItemKeys, type ItemKeys } from "./item-keys.ts";
import { itemTexts } from "./item-texts.ts";
import { checkWord } from "./keep-stage.ts";
import type { KeyStore } from "./key-store.ts";
import { linkItems } from "./link-items.ts";

/** How far a first pass is. */
export interface DedupProgress {
  /** Documents given to `add`. */
  readonly documents: number;
  /** Documents given to `addReference`. */
  readonly references: number;
  /** Items of the references. */
  readonly referenceItems: number;
}

/** The first pass over any store of keys. */
export class DedupPass {
  readonly #settings: DedupSettings;
  readonly #store: KeyStore;
  readonly #keys: ItemKeys;
  #progress: DedupProgress;
  #isFinished = false;
  #seconds = 0;

  constructor(settings: DedupSettings, store: KeyStore, progress: DedupProgress) {
    this.#settings = settings;
    this.#store = store;
    this.#keys = createItemKeys(settings);
    this.#progress = progress;
  }

  get progress(): DedupProgress {
    return this.#progress;
  }

  /** @throws StateError after `finish`. */
  add(document: Document): void {
    this.#requireOpen("add");
    this.#append(document);
    this.#progress = { ...this.#progress, documents: this.#progress.documents + 1 };
  }

  /** @throws StateError after `finish`, or after the first `add`. */
  addReference(document: Document): void {
    this.#requireOpen("addReference");
    const { documents, references } = this.#progress;
    if (documents > 0) {
      const actual = `one after ${documents} documents`;
      throw new StateError({ op: "addReference", operand: document.source, expected: "references first", actual });
    }
    this.#append(document);
    this.#progress = { documents, references: references + 1, referenceItems: this.#store.count };
  }

  async finish(memoryLimit: number): Promise<DedupResult> {
    this.#requireOpen("finish");
    this.#isFinished = true;
    const start = performance.now();
    const { minSimilarity, mode } = this.#settings;
    const clusters = await linkItems(this.#store, { minSimilarity: mode === "exact" ? 0 : minSimilarity, memoryLimit });
    const items = this.#store.readItems();
    const seconds = this.#seconds + (performance.now() - start) / 1000;
    return createDedupResult({ settings: this.#settings, clusters, items, ...this.#progress, seconds });
  }

  #append({ text, source }: Document): void {
    const start = performance.now();
    for (const part of itemTexts(text, this.#settings)) {
      if (!part.isItem) continue;
      this.#keys.set(part.text);
      this.#store.append(this.#keys.keys, this.#keys.signature, checkWord(source, part.text), utf8Length(part.text));
    }
    this.#seconds += (performance.now() - start) / 1000;
  }

  #requireOpen(op: string): void {
    if (!this.#isFinished) return;
    const details = { operand: "deduplicator", expected: "one that is not finished", actual: "a finished one" };
    throw new StateError({ op, ...details, hint: "Make another one for other documents." });
  }
}
