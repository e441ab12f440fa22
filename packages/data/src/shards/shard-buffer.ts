import type { ShardIndex } from "./shard-index.ts";

/** The documents of a shard that is not written yet, in memory. */
export class ShardBuffer {
  readonly #dtype: ShardIndex["dtype"];
  #ids: Uint16Array | Uint32Array;
  #tokens = 0;
  #lengths: number[] = [];
  #weights: number[] = [];
  #corpora: number[] = [];

  constructor(dtype: ShardIndex["dtype"]) {
    this.#dtype = dtype;
    this.#ids = this.#allocate(1 << 16);
  }

  get tokens(): number {
    return this.#tokens;
  }

  get documents(): number {
    return this.#lengths.length;
  }

  /** Some document has another weight than 1. */
  get weighted(): boolean {
    return this.#weights.some((weight) => weight !== 1);
  }

  add(ids: ArrayLike<number>, weight: number, corpus: number): void {
    this.#reserve(this.#tokens + ids.length);
    this.#ids.set(ids, this.#tokens);
    this.#tokens += ids.length;
    this.#lengths.push(ids.length);
    this.#weights.push(weight);
    this.#corpora.push(corpus);
  }

  clear(): void {
    this.#tokens = 0;
    this.#lengths = [];
    this.#weights = [];
    this.#corpora = [];
  }

  /** Bytes of the file of tokens; a view that the next `add` may change. */
  tokenBytes(): Uint8Array {
    const { buffer } = this.#ids;
    return new Uint8Array(buffer, 0, this.#tokens * this.#ids.BYTES_PER_ELEMENT);
  }

  /** Bytes of the file of documents. */
  documentBytes(): Uint8Array {
    const weights = this.weighted ? [Float32Array.from(this.#weights)] : [];
    const columns = [Uint32Array.from(this.#lengths), ...weights, Uint16Array.from(this.#corpora)];
    const bytes = new Uint8Array(columns.reduce((sum, { byteLength }) => sum + byteLength, 0));
    let at = 0;
    for (const { buffer, byteLength } of columns) {
      bytes.set(new Uint8Array(buffer), at);
      at += byteLength;
    }
    return bytes;
  }

  /** Documents and tokens by number of corpus. */
  countCorpora(): Map<number, { documents: number; tokens: number }> {
    const counts = new Map<number, { documents: number; tokens: number }>();
    this.#corpora.forEach((corpus, i) => {
      const { documents, tokens } = counts.get(corpus) ?? { documents: 0, tokens: 0 };
      counts.set(corpus, { documents: documents + 1, tokens: tokens + this.#lengths[i]! });
    });
    return counts;
  }

  #reserve(count: number): void {
    if (count <= this.#ids.length) return;
    const larger = this.#allocate(Math.max(count, this.#ids.length * 2));
    larger.set(this.#ids);
    this.#ids = larger;
  }

  #allocate(length: number): Uint16Array | Uint32Array {
    return this.#dtype === "uint16" ? new Uint16Array(length) : new Uint32Array(length);
  }
}
