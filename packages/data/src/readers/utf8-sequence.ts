/**
 * The length of the well-formed UTF-8 sequence that begins at `i`, or 0 when none does.
 *
 * Source: the Unicode Standard, table 3-7 (well-formed UTF-8 byte sequences).
 */
export function sequenceLength(bytes: Uint8Array, i: number): number {
  const lead = bytes[i]!;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const second = bytes[i + 1] ?? 0;
  if (second < (SECOND_MIN[lead] ?? 0x80) || second > (SECOND_MAX[lead] ?? 0xbf)) return 0;
  for (let k = 2; k < length; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

/** Bounds of the second byte where they differ from 80..BF: no overlong forms, no surrogates, nothing above 10FFFF. */
const SECOND_MIN: Readonly<Record<number, number>> = { 224: 0xa0, 240: 0x90 };
const SECOND_MAX: Readonly<Record<number, number>> = { 237: 0x9f, 244: 0x8f };
