import type { OffsetUnit } from "./encoding.ts";
import type { EncodingDraft } from "./encoding-columns.ts";

/** Rewrite offsets of a well-formed text from UTF-16 units to another unit, in place. They lie between characters. */
export function convertOffsets(offsets: Int32Array, text: string, unit: OffsetUnit): void {
  if (unit === "utf16") return;
  const positions = positionsOf(text, unit);
  for (let i = 0; i < offsets.length; i++) offsets[i] = positions[offsets[i]!]!;
}

/** By UTF-16 unit: code points, or bytes of UTF-8, that lie before it. */
function positionsOf(text: string, unit: "codePoint" | "byte"): Int32Array {
  const positions = new Int32Array(text.length + 1);
  let position = 0;
  for (let i = 0; i < text.length; i++) {
    positions[i] = position;
    const code = text.charCodeAt(i);
    // The first half of a surrogate pair counts for both.
    const isSecondHalf = (code & 0xfc00) === 0xdc00;
    if (!isSecondHalf) position += unit === "codePoint" ? 1 : utf8Length(code);
  }
  positions[text.length] = position;
  return positions;
}

function utf8Length(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return (code & 0xfc00) === 0xd800 ? 4 : 3;
}

/**
 * Move offsets in UTF-16 units that lie within a character to its border, in place. Trimming counts the spaces of a
 * token, and a space that the tokenizer put before a text stands for the text's first character, which may have two units.
 */
export function snapToCharacters({ columns, overflowing }: EncodingDraft, texts: readonly string[]): void {
  const { offsets, sequenceIds } = columns;
  for (let i = 0; i < sequenceIds.length; i++) {
    const text = texts[sequenceIds[i]!];
    if (text === undefined) continue;
    const [start, end] = [offsets[2 * i]!, offsets[2 * i + 1]!];
    const from = isWithinPair(text, start) ? start + 1 : start;
    offsets[2 * i] = from;
    offsets[2 * i + 1] = Math.max(from, isWithinPair(text, end) ? end - 1 : end);
  }
  for (const cut of overflowing) snapToCharacters(cut, texts);
}

function isWithinPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00;
}
