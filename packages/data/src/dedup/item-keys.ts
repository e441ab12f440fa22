/** Keys of one text after another, as pass 1 stores them. */

import { hashText128 } from "../hash-text.ts";
import type { DedupSettings } from "./dedup-options.ts";
import { keyShapeOf } from "./dedup-options.ts";
import { MinHash } from "./min-hash.ts";
import { SimplifiedText } from "./simplify-text.ts";
import { SpacedText } from "./spaced-text.ts";

/** Makes keys and signatures; what it holds is of the last text. */
export interface ItemKeys {
  /** `bands * keyWords` words. */
  readonly keys: Uint32Array;
  /** All hashes of the last text; empty in exact mode. */
  readonly signature: Int32Array;
  set(text: string): void;
}

/** The maker of keys for these settings. */
export function createItemKeys(settings: DedupSettings): ItemKeys {
  return settings.mode === "exact" ? new ExactKeys(settings) : new MinHashKeys(settings);
}

class ExactKeys implements ItemKeys {
  readonly keys = new Uint32Array(4);
  readonly signature = new Int32Array(0);
  readonly #text: SimplifiedText | SpacedText;

  constructor({ compare, numbers }: DedupSettings) {
    this.#text = compare === "words" ? new SimplifiedText(numbers) : new SpacedText();
  }

  set(text: string): void {
    this.#text.set(text);
    hashText128(this.#text.units, this.#text.length, this.keys);
  }
}

class MinHashKeys implements ItemKeys {
  readonly keys: Uint32Array;
  signature = new Int32Array(0);
  readonly #minHash: MinHash;

  constructor(settings: DedupSettings) {
    const { bands, keyWords } = keyShapeOf(settings);
    this.keys = new Uint32Array(bands * keyWords);
    this.#minHash = new MinHash(settings);
  }

  set(text: string): void {
    this.signature = this.#minHash.signature(text) as Int32Array<ArrayBuffer>;
    this.#minHash.bandKeys(this.signature, this.keys);
  }
}
