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
  return text.replace(surrogate, "\uFFFD");
}
