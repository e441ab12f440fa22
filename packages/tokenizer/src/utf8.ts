/**
 * Write the UTF-8 of `length` UTF-16 units, read through `unitAt`, to `out` from `position`; returns the new position.
 *
 * A lone surrogate becomes U+FFFD, as TextEncoder does. `out` must have room for 3 bytes a unit.
 */
export function writeUtf8(
  unitAt: (index: number) => number,
  length: number,
  out: Uint8Array | Int32Array,
  position: number,
): number {
  let p = position;
  for (let i = 0; i < length; i++) {
    let code = unitAt(i);
    if (code < 0x80) {
      out[p++] = code;
      continue;
    }
    if (code >= 0xd800 && code <= 0xdfff) {
      const low = code < 0xdc00 && i + 1 < length ? unitAt(i + 1) : 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        i++;
      } else code = 0xfffd;
    }
    p = writeMultiByte(code, out, p);
  }
  return p;
}

function writeMultiByte(code: number, out: Uint8Array | Int32Array, position: number): number {
  let p = position;
  if (code < 0x800) out[p++] = 0xc0 | (code >> 6);
  else {
    if (code < 0x10000) out[p++] = 0xe0 | (code >> 12);
    else {
      out[p++] = 0xf0 | (code >> 18);
      out[p++] = 0x80 | ((code >> 12) & 0x3f);
    }
    out[p++] = 0x80 | ((code >> 6) & 0x3f);
  }
  out[p++] = 0x80 | (code & 0x3f);
  return p;
}

const surrogate = /\p{Surrogate}/gu;

/** The text with each lone surrogate replaced by U+FFFD, so that every part of a tokenizer sees the same characters. */
export function toWellFormed(text: string): string {
  // ES2024; engines that lack it look for surrogates themselves, some ten times as slowly.
  if ((text as { isWellFormed?(): boolean }).isWellFormed?.()) return text;
  return text.replace(surrogate, "\uFFFD");
}

/** A growing buffer that texts are written to as UTF-8, with room behind them for reads of four bytes. */
export class Utf8Buffer {
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1 << 12);
  #view: DataView<ArrayBuffer> = new DataView(this.bytes.buffer);
  readonly #encoder: TextEncoder = new TextEncoder();

  /** A view of `bytes`; both are new ones after a `write` that had to grow them. */
  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  /** Write a text from the start on, a lone surrogate as U+FFFD; returns its length in bytes. */
  write(text: string): number {
    this.#reserve(text.length);
    const { read, written } = this.#encoder.encodeInto(text, this.bytes.subarray(0, this.bytes.length - SLACK));
    if (read === text.length) return written;
    this.#reserve(3 * text.length); // rare: no text takes more
    return this.write(text);
  }

  /** Write `text[from, to)` of a well-formed text; returns its length in bytes. */
  writeRange(text: string, from: number, to: number): number {
    if (to - from > SHORT) return this.write(from === 0 && to === text.length ? text : text.slice(from, to));
    this.#reserve(3 * SHORT);
    return writeUtf8((i) => text.charCodeAt(from + i), to - from, this.bytes, 0);
  }

  #reserve(length: number): void {
    if (length + SLACK <= this.bytes.length) return;
    this.bytes = new Uint8Array(length + (length >> 2) + SLACK);
    this.#view = new DataView(this.bytes.buffer);
  }
}

/** Up to this many units a loop is faster than the engine's encoder with a substring. */
const SHORT = 64;
/** Bytes behind a text that may be read, though they mean nothing. */
const SLACK = 8;
