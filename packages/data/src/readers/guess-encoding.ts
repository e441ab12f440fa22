import { sequenceLength } from "./utf8-sequence.ts";

/**
 * The encoding that bytes which are no UTF-8 are likely in, or undefined when they look like damaged UTF-8.
 *
 * A guess for error messages: byte order marks, zero bytes on one side for UTF-16, then which lead bytes the frequent
 * characters of each double-byte encoding have. Nothing is ever decoded by it.
 */
export function guessEncoding(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return guessUtf16(bytes) ?? guessByLeads(bytes);
}

/** UTF-16 of text with ASCII in it: many zero bytes, nearly all of them at even or nearly all at odd places. */
function guessUtf16(bytes: Uint8Array): string | undefined {
  let even = 0;
  let odd = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0) continue;
    if (i % 2 === 0) even++;
    else odd++;
  }
  if (Math.max(even, odd) < bytes.length / 20 || Math.min(even, odd) * 20 > Math.max(even, odd)) return undefined;
  return even > odd ? "utf-16be" : "utf-16le";
}

interface LeadCounts {
  /** Well-formed sequences of UTF-8 that are not ASCII. */
  utf8: number;
  /** Bytes above 7F that belong to none, and pairs of such by their first byte. */
  alone: number;
  readonly pairs: Uint32Array;
  pairCount: number;
}

function guessByLeads(bytes: Uint8Array): string | undefined {
  const counts = countLeads(bytes);
  if (counts.utf8 > counts.alone + counts.pairCount) return undefined;
  if (counts.pairCount <= counts.alone) return "windows-1252";
  const share = (from: number, to: number): number => sum(counts.pairs, from, to) / counts.pairCount;
  if (share(0x82, 0x83) > 0.4) return "shift_jis"; // kana
  if (share(0xa4, 0xa5) > 0.4) return "euc-jp"; // kana
  if (share(0xa1, 0xc6) > 0.9 && share(0xb0, 0xc8) < 0.7) return "big5"; // frequent characters from A4 on, marks A1..A3
  if (share(0xb0, 0xc8) > 0.9) return "euc-kr"; // Hangul
  return "gb18030";
}

function countLeads(bytes: Uint8Array): LeadCounts {
  const counts: LeadCounts = { utf8: 0, alone: 0, pairs: new Uint32Array(256), pairCount: 0 };
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length > 0) {
      if (length > 2)
        counts.utf8++; // a pair of GB 18030 may well be a sequence of two
      else if (length === 2) countPair(counts, bytes[i]!);
      i += length;
    } else if ((bytes[i + 1] ?? 0) >= 0x40 && bytes[i]! > 0x80 && (bytes[i + 1]! > 0x7f || bytes[i]! < 0xa0)) {
      countPair(counts, bytes[i]!);
      i += 2;
    } else {
      counts.alone++;
      i++;
    }
  }
  return counts;
}

function countPair(counts: LeadCounts, lead: number): void {
  counts.pairs[lead]!++;
  counts.pairCount++;
}

function sum(counts: Uint32Array, from: number, to: number): number {
  return counts.subarray(from, to + 1).reduce((total, count) => total + count, 0);
}
