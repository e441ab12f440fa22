import type { OffsetUnit } from "./encoding.ts";

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
