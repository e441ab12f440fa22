import { bytesOfToken, charOfByte } from "./byte-alphabet.ts";
import { grown, IntBuffer } from "./growable.ts";
import { mergeWord } from "./merge-word.ts";
import { type Merges, PairTable } from "./pair-table.ts";
import { writeUtf8 } from "./utf8.ts";
import { WordTable } from "./word-table.ts";

/** Words longer than this are seldom repeated: they are merged each time and not cached. */
const CACHED_UNITS = 256;
/** The cache starts anew at this many words, which keeps it below some tens of MB on any text. */
const CACHED_WORDS = 1 << 18;

/** Byte-level BPE: the ids of a piece of text, by the model's merges. */
export class BpeModel {
  readonly merges: Merges;
  readonly #pairs: PairTable;
  /** Id of each byte's one-character token, or -1 where the vocabulary lacks it. */
  readonly #idOfByte: Int32Array = new Int32Array(256);
  readonly #cache: WordTable = new WordTable();
  readonly #cachedIds: IntBuffer = new IntBuffer(1 << 12);
  #cachedStarts: Int32Array = new Int32Array(1 << 10);
  #symbols: Int32Array = new Int32Array(3 * CACHED_UNITS);

  constructor(idOfToken: ReadonlyMap<string, number>, merges: Merges) {
    this.merges = merges;
    this.#pairs = new PairTable(merges);
    for (let byte = 0; byte < 256; byte++) this.#idOfByte[byte] = idOfToken.get(charOfByte(byte)) ?? -1;
  }

  /** Append the ids of `text[from, to)` to `out`. A byte without a token is dropped, as HF does without unk_token. */
  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    if (to - from > CACHED_UNITS) {
      const count = this.#merge(text, from, to);
      append(out, this.#symbols, 0, count);
      return;
    }
    if (this.#cache.size >= CACHED_WORDS) this.#clearCache();
    const known = this.#cache.size;
    const word = this.#cache.add(text, from, to);
    if (word === known) this.#remember(word, this.#merge(text, from, to));
    append(out, this.#cachedIds.data, this.#cachedStarts[word]!, this.#cachedStarts[word + 1]!);
  }

  #remember(word: number, count: number): void {
    append(this.#cachedIds, this.#symbols, 0, count);
    if (word + 2 > this.#cachedStarts.length) this.#cachedStarts = grown(this.#cachedStarts, word + 2);
    this.#cachedStarts[word + 1] = this.#cachedIds.length;
  }

  #clearCache(): void {
    this.#cache.clear();
    this.#cachedIds.length = 0;
  }

  /** Ids of the piece, left in `#symbols`; returns their count. */
  #merge(text: string, from: number, to: number): number {
    if (this.#symbols.length < 3 * (to - from)) this.#symbols = new Int32Array(3 * (to - from));
    const symbols = this.#symbols;
    const bytes = writeUtf8((i) => text.charCodeAt(from + i), to - from, symbols, 0);
    let count = 0;
    for (let i = 0; i < bytes; i++) {
      const id = this.#idOfByte[symbols[i]!]!;
      if (id >= 0) symbols[count++] = id;
    }
    return mergeWord(symbols, count, this.#pairs, this.merges);
  }
}

function append(out: IntBuffer, source: Int32Array, from: number, to: number): void {
  out.reserve(to - from);
  let length = out.length;
  for (let i = from; i < to; i++) out.data[length++] = source[i]!;
  out.length = length;
}

/** Bytes of every token, end to end: token id i stands for `bytes[starts[i], starts[i + 1])`. */
export interface TokenBytes {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
}

/** Collect the bytes of all tokens by id; an id without a token has none. */
export function collectTokenBytes(tokens: readonly (string | undefined)[]): TokenBytes {
  const parts = Array.from(tokens, (token) => (token === undefined ? new Uint8Array() : bytesOfToken(token)));
  const starts = new Int32Array(tokens.length + 1);
  parts.forEach((part, i) => {
    starts[i + 1] = starts[i]! + part.length;
  });
  const bytes = new Uint8Array(starts[tokens.length]!);
  parts.forEach((part, i) => {
    bytes.set(part, starts[i]);
  });
  return { bytes, starts };
}
