import { join } from "node:path";
import { AppendFile, type WriteBytes } from "./append-file.ts";
import type { KeyShape, KeyStore, VisitKeys } from "./key-store.ts";

/** Where and how a store lies on disk. */
export interface FileKeyStoreOptions {
  readonly directory: string;
  readonly shape: KeyShape;
  /** Items that the files are known to hold; more are cut off. */
  readonly count: number;
  /** Bytes for buffers, shared by all files. */
  readonly bufferBytes: number;
  readonly write: WriteBytes;
}

/**
 * A store in files that only grow: `keys-00` and on with a band's keys each, `signatures`, and `items` with two words an
 * item. Item i lies at i times the record's size, in this machine's order of bytes.
 */
export class FileKeyStore implements KeyStore {
  readonly bands: number;
  readonly keyWords: number;
  readonly signatureWords: number;
  readonly #keys: readonly AppendFile[];
  readonly #signatures: AppendFile | undefined;
  readonly #items: AppendFile;
  readonly #pair = new Uint32Array(2);
  #count: number;

  /** @throws DiskWriteError when a file cannot be opened; FormatError when one is shorter than `count` items. */
  constructor({ directory, shape, count, bufferBytes, write }: FileKeyStoreOptions) {
    const { bands, keyWords, signatureWords } = shape;
    this.bands = bands;
    this.keyWords = keyWords;
    this.signatureWords = signatureWords;
    this.#count = count;
    const share = Math.max(4096, Math.floor(bufferBytes / (bands + 2)));
    const open = (name: string, words: number): AppendFile =>
      new AppendFile({ path: join(directory, name), length: count * words * 4, bufferBytes: share, write });
    this.#keys = Array.from({ length: bands }, (_, i) => open(`keys-${`${i}`.padStart(2, "0")}`, keyWords));
    this.#signatures = signatureWords > 0 ? open("signatures", signatureWords) : undefined;
    this.#items = open("items", 2);
  }

  get count(): number {
    return this.#count;
  }

  append(keys: Uint32Array, signature: Int32Array, check: number, bytes: number): void {
    for (let band = 0; band < this.bands; band++)
      this.#keys[band]!.append(keys, band * this.keyWords, (band + 1) * this.keyWords);
    this.#signatures?.append(signature, 0, this.signatureWords);
    this.#pair[0] = check;
    this.#pair[1] = bytes;
    this.#items.append(this.#pair, 0, 2);
    this.#count++;
  }

  /** Wait until all items are on the disk. @throws DiskWriteError, DiskFullError when the system refuses. */
  sync(): void {
    for (const file of this.#files()) file.sync();
  }

  scanKeys(band: number, visit: VisitKeys): void {
    const step = Math.max(1, 2 ** 16 / this.keyWords);
    const words = new Uint32Array(step * this.keyWords);
    for (let first = 0; first < this.#count; first += step) {
      const count = Math.min(step, this.#count - first);
      this.#keys[band]!.read(bytesOf(words.subarray(0, count * this.keyWords)), first * this.keyWords * 4);
      visit(words, first, count);
    }
  }

  readSignature(index: number, into: Int32Array): void {
    this.#signatures?.read(bytesOf(into), index * this.signatureWords * 4);
  }

  readItems(): Uint32Array {
    const items = new Uint32Array(this.#count * 2);
    this.#items.read(bytesOf(items), 0);
    return items;
  }

  close(): void {
    for (const file of this.#files()) file.close();
  }

  #files(): readonly AppendFile[] {
    return [...this.#keys, ...(this.#signatures === undefined ? [] : [this.#signatures]), this.#items];
  }
}

function bytesOf(words: Uint32Array | Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
