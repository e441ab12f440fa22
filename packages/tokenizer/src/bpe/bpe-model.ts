import { bytesOfToken, charOfByte } from "../byte-alphabet.ts";
import type { IntBuffer } from "../growable.ts";
import type { Model, TokenSpans } from "../model.ts";
import type { Scanner } from "../scanners/scanner.ts";
import { Utf8Buffer } from "../utf8.ts";
import { WordMerger } from "./merge-word.ts";
import type { Merges } from "./pair-table.ts";
import { WordCache } from "./word-cache.ts";

/** Words longer than this many bytes are seldom repeated: they are merged each time and not cached. */
const CACHED_BYTES = 256;
/** The cache starts anew at this many words or numbers, which keeps it below some tens of MB on any text. */
const CACHED_WORDS = 1 << 18;
const CACHED_NUMBERS = 1 << 22;
/** Ends of pieces that a scanner gives at a time. */
const BLOCK = 1024;

/** Options of `BpeModel`. */
export interface BpeModelOptions {
  /** A piece that is a token as a whole is that token, whatever the merges say (Llama 3). Default false. */
  readonly ignoreMerges?: boolean;
}

/** Byte-level BPE: the ids of a piece of text, by the model's merges over its UTF-8. */
export class BpeModel implements Model {
  readonly merges: Merges;
  readonly #merger: WordMerger;
  readonly #idOfToken: ReadonlyMap<string, number>;
  readonly #ignoreMerges: boolean;
  /** Id of each byte's one-character token, or -1 where the vocabulary lacks it. */
  readonly #idOfByte: Int32Array = new Int32Array(256);
  readonly #cache: WordCache = new WordCache();
  readonly #utf8: Utf8Buffer = new Utf8Buffer();
  readonly #ends: Int32Array = new Int32Array(BLOCK);
  #symbols: Int32Array = new Int32Array(CACHED_BYTES);
  #lengths: Int32Array | undefined;

  constructor(idOfToken: ReadonlyMap<string, number>, merges: Merges, options: BpeModelOptions = {}) {
    this.merges = merges;
    this.#merger = new WordMerger(merges);
    this.#idOfToken = idOfToken;
    this.#ignoreMerges = options.ignoreMerges ?? false;
    for (let byte = 0; byte < 256; byte++) this.#idOfByte[byte] = idOfToken.get(charOfByte(byte)) ?? -1;
  }

  /** Append the ids of a whole text, cut by a scanner: the fast way, which makes no string and no substring. */
  encodeScanned(text: string, scanner: Scanner, out: IntBuffer): void {
    const length = this.#utf8.write(text);
    const { bytes, view } = this.#utf8;
    const ends = this.#ends;
    out.reserve(length >> 2);
    for (let at = 0; at < length; ) {
      const count = scanner.scan(bytes, at, length, ends);
      for (let i = 0; i < count; i++) {
        const end = ends[i]!;
        this.#encodeBytes(bytes, view, at, end - at, out);
        at = end;
      }
    }
  }

  /** Append the ids of `text[from, to)` to `out`. A byte without a token is dropped, as HF does without unk_token. */
  encodePiece(text: string, from: number, to: number, out: IntBuffer): void {
    const length = this.#utf8.writeRange(text, from, to);
    if (length > 0) this.#encodeBytes(this.#utf8.bytes, this.#utf8.view, 0, length, out);
  }

  /** The same ids with the units of `text` that each covers: a part of a character covers all of it. */
  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void {
    const first = out.ids.length;
    this.encodePiece(text, from, to, out.ids);
    const { bytes } = this.#utf8; // still those of the piece
    let charFrom = from;
    let charTo = from;
    for (let i = first, at = 0; i < out.ids.length; i++) {
      let start = -1;
      for (let left = this.#lengthOf(out.ids.data[i]!); left > 0; at++) {
        const byte = bytes[at]!;
        if ((byte & 0xc0) !== 0x80) {
          charFrom = charTo;
          charTo += byte >= 0xf0 ? 2 : 1;
        }
        if (this.#idOfByte[byte]! < 0) continue; // dropped
        if (start < 0) start = charFrom;
        left--;
      }
      out.starts.push(start);
      out.ends.push(charTo);
    }
  }

  #encodeBytes(bytes: Uint8Array, view: DataView, from: number, length: number, out: IntBuffer): void {
    if (length > CACHED_BYTES) {
      const count = this.#merge(bytes, from, length); // may make a larger #symbols
      append(out, this.#symbols, 0, count);
      return;
    }
    const cache = this.#cache;
    const record = cache.find(view, from, length) || this.#remember(bytes, view, from, length);
    const countAt = cache.idsAt(record, length);
    append(out, cache.records, countAt + 1, cache.records[countAt]!);
  }

  #remember(bytes: Uint8Array, view: DataView, from: number, length: number): number {
    if (this.#cache.size >= CACHED_WORDS || this.#cache.length >= CACHED_NUMBERS) this.#cache.clear();
    const count = this.#merge(bytes, from, length);
    return this.#cache.add(view, from, length, this.#symbols, count);
  }

  /** Ids of one piece, left in `#symbols`; returns their count. */
  #merge(bytes: Uint8Array, from: number, length: number): number {
    if (this.#symbols.length < length) this.#symbols = new Int32Array(length);
    const symbols = this.#symbols;
    const whole = this.#ignoreMerges ? this.#wholeToken(bytes, from, length) : undefined;
    if (whole !== undefined) {
      symbols[0] = whole;
      return 1;
    }
    let count = 0;
    for (let i = from; i < from + length; i++) {
      const id = this.#idOfByte[bytes[i]!]!;
      if (id >= 0) symbols[count++] = id;
    }
    return this.#merger.merge(symbols, count);
  }

  #wholeToken(bytes: Uint8Array, from: number, length: number): number | undefined {
    let token = "";
    for (let i = from; i < from + length; i++) token += charOfByte(bytes[i]!);
    return this.#idOfToken.get(token);
  }

  /** Bytes of a token: the alphabet has one unit for each. */
  #lengthOf(id: number): number {
    if (this.#lengths === undefined) {
      let highest = 0;
      for (const known of this.#idOfToken.values()) highest = Math.max(highest, known);
      this.#lengths = new Int32Array(highest + 1);
      for (const [token, known] of this.#idOfToken) this.#lengths[known] = token.length;
    }
    return this.#lengths[id]!;
  }
}

function append(out: IntBuffer, source: Int32Array, from: number, count: number): void {
  out.reserve(count);
  const { data } = out;
  let length = out.length;
  for (let i = 0; i < count; i++) data[length++] = source[from + i]!;
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
