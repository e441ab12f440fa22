import { guessEncoding } from "./guess-encoding.ts";
import type { Problem } from "./read-context.ts";
import { sequenceLength } from "./utf8-sequence.ts";

/** What is wrong with bytes that are not all text. */
export interface InvalidText {
  readonly problem: Problem;
  /** Line ends before the first byte at fault. */
  readonly linesBefore: number;
}

/**
 * Say where bytes cease to be UTF-8, and in which encoding they may be instead. They begin at `offset` of the file. Bytes
 * that came from another encoding hold 0xFF where that one was damaged; then no place in the file is known but the line.
 */
export function describeInvalid(bytes: Uint8Array, offset: number, encoding: string): InvalidText {
  const at = firstInvalidByte(bytes);
  let linesBefore = 0;
  for (let i = 0; i < at; i++) if (bytes[i] === 10) linesBefore++;
  const expected = `text in ${encoding}`;
  if (encoding !== "utf-8") return { problem: { expected, actual: "bytes that are none", hint: REPLACE }, linesBefore };
  const shown = Array.from(bytes.subarray(at, at + 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const guess = guessEncoding(bytes.subarray(0, 1 << 16));
  const hint = guess === undefined ? REPLACE : `It may be ${guess}: { encoding: "${guess}" }.`;
  return { problem: { expected, actual: `the bytes ${shown} at byte ${offset + at}`, hint }, linesBefore };
}

const REPLACE = "Keep such records aside with { onReject }, or read the bytes as U+FFFD with { replaceInvalid: true }.";

/**
 * The index of the first byte that does not belong to well-formed UTF-8, or the length when all do.
 */
export function firstInvalidByte(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const length = sequenceLength(bytes, i);
    if (length === 0) return i;
    i += length;
  }
  return i;
}
