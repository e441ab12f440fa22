/** What pass 1 keeps of each item (a document, or a line of one): its keys, its signature, its length and a check word. */

/** The shape of what a store keeps. */
export interface KeyShape {
  /** Keys of an item; two items whose keys of one band are equal are candidates. */
  readonly bands: number;
  /** 32-bit words in a key. */
  readonly keyWords: number;
  /** 32-bit words of a signature; 0 when candidates are not compared. */
  readonly signatureWords: number;
}

/** Gets a run of keys: `words[0 .. count * keyWords)` of the items from `first` on. The buffer is written again later. */
export type VisitKeys = (words: Uint32Array, first: number, count: number) => void;

/** Keeps items in the order in which they come. */
export interface KeyStore extends KeyShape {
  /** Items so far. */
  readonly count: number;
  /** Take an item: `bands * keyWords` words, `signatureWords` words, and two words of what else is known of it. */
  append(keys: Uint32Array, signature: Int32Array, check: number, bytes: number): void;
  /** Visit all keys of a band in order of items. */
  scanKeys(band: number, visit: VisitKeys): void;
  /** Copy an item's signature to `into`. */
  readSignature(index: number, into: Int32Array): void;
  /** Check word and byte length of every item, in turns: 2 words an item. */
  readItems(): Uint32Array;
}

/** A growing array of 32-bit words. */
class Words {
  words = new Uint32Array(1 << 10);
  length = 0;

  push(source: Uint32Array | Int32Array, from: number, to: number): void {
    const length = this.length + to - from;
    if (length > this.words.length) {
      const grown = new Uint32Array(Math.max(length, 2 * this.words.length));
      grown.set(this.words.subarray(0, this.length));
      this.words = grown;
    }
    for (let i = from; i < to; i++) this.words[this.length++] = source[i]!;
  }
}

/** A store in memory. */
export class MemoryKeyStore implements KeyStore {
  readonly bands: number;
  readonly keyWords: number;
  readonly signatureWords: number;
  readonly #keys: readonly Words[];
  readonly #signatures = new Words();
  readonly #items = new Words();

  constructor({ bands, keyWords, signatureWords }: KeyShape) {
    this.bands = bands;
    this.keyWords = keyWords;
    this.signatureWords = signatureWords;
    this.#keys = Array.from({ length: bands }, () => new Words());
  }

  get count(): number {
    return this.#items.length / 2;
  }

  append(keys: Uint32Array, signature: Int32Array, check: number, bytes: number): void {
    for (let band = 0; band < this.bands; band++)
      this.#keys[band]!.push(keys, band * this.keyWords, (band + 1) * this.keyWords);
    this.#signatures.push(signature, 0, this.signatureWords);
    this.#items.push(Uint32Array.of(check, bytes), 0, 2);
  }

  scanKeys(band: number, visit: VisitKeys): void {
    visit(this.#keys[band]!.words, 0, this.count);
  }

  readSignature(index: number, into: Int32Array): void {
    const start = index * this.signatureWords;
    into.set(this.#signatures.words.subarray(start, start + this.signatureWords));
  }

  readItems(): Uint32Array {
    return this.#items.words.subarray(0, this.#items.length);
  }
}
