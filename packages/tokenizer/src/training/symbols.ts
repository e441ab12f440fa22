import type { IntBuffer } from "../growable.ts";

/** Spells a word, given as the first `length` of some UTF-8, as the ids of its first symbols. */
export type SpellWord = (bytes: Uint8Array, length: number, out: IntBuffer) => void;

/** A symbol for each byte. */
export function byteSymbols(idOfByte: Int32Array): SpellWord {
  return (bytes, length, out) => {
    for (let i = 0; i < length; i++) out.push(idOfByte[bytes[i]!]!);
  };
}

/** A symbol for each character, by code point; characters without one are left out, as in HF. */
export interface CharacterSymbols {
  readonly first: ReadonlyMap<number, number>;
  /** Of characters after a word's first. */
  readonly continuing: ReadonlyMap<number, number>;
}

/** Spelling by characters. */
export function characterSymbols({ first, continuing }: CharacterSymbols): SpellWord {
  return (bytes, length, out) => {
    let at = 0;
    let ids = first;
    while (at < length) {
      const [code, size] = codePointAt(bytes, at);
      const id = ids.get(code);
      if (id !== undefined) out.push(id);
      ids = continuing;
      at += size;
    }
  };
}

/** The code point that begins at a byte of valid UTF-8, and its length in bytes. */
export function codePointAt(bytes: Uint8Array, at: number): readonly [code: number, size: number] {
  const lead = bytes[at]!;
  if (lead < 0x80) return [lead, 1];
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  let code = lead & (0x7f >> size);
  for (let i = 1; i < size; i++) code = (code << 6) | (bytes[at + i]! & 0x3f);
  return [code, size];
}
