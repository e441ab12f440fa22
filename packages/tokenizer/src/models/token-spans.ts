import { IntBuffer } from "../growable.ts";
import type { TokenSpans } from "../model.ts";

/** Empty spans to collect ids in. */
export function createTokenSpans(): TokenSpans {
  return { ids: new IntBuffer(16), starts: new IntBuffer(16), ends: new IntBuffer(16) };
}

/** Append one token. */
export function pushSpan(out: TokenSpans, id: number, start: number, end: number): void {
  out.ids.push(id);
  out.starts.push(start);
  out.ends.push(end);
}

/** Forget what was collected and keep the room. */
export function clearSpans(spans: TokenSpans): void {
  spans.ids.length = 0;
  spans.starts.length = 0;
  spans.ends.length = 0;
}

/** For each UTF-8 byte of a text, the UTF-16 range of the character that it is a part of. */
export interface CharactersOfBytes {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly length: number;
}

/** The characters of the bytes of `text[from, to)`, positions in `text`. */
export function charactersOfBytes(text: string, from: number, to: number): CharactersOfBytes {
  const starts = new Int32Array(3 * (to - from));
  const ends = new Int32Array(3 * (to - from));
  let length = 0;
  for (let i = from; i < to; ) {
    const code = text.codePointAt(i)!;
    const end = i + (code > 0xffff ? 2 : 1);
    for (let rest = utf8Length(code); rest > 0; rest--) {
      starts[length] = i;
      ends[length++] = end;
    }
    i = end;
  }
  return { starts, ends, length };
}

/** Bytes that a code point takes in UTF-8. */
export function utf8Length(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
