import type { CodePointRanges } from "../unicode/code-point-ranges.ts";

/** Up to eight flags for every code point: what a scanner's pattern distinguishes. */
export interface CharClasses {
  /** Flags of ASCII by byte; 0 for the bytes of other characters, so that a run of ASCII ends there. */
  readonly ascii: Uint8Array;
  /** Flags of the basic plane, by code point. */
  readonly bmp: Uint8Array;
  /** Beyond it: rising starts of ranges with the same flags, and those flags. */
  readonly astralStarts: Int32Array;
  readonly astralFlags: Uint8Array;
}

const ASTRAL = 0x10000;
const CODE_POINTS = 0x110000;

/** Give each code point the flags of all sets that hold it; `otherwise` to those in none. */
export function createCharClasses(
  sets: readonly (readonly [flag: number, ranges: CodePointRanges])[],
  otherwise = 0,
): CharClasses {
  const flags = new Uint8Array(CODE_POINTS);
  for (const [flag, ranges] of sets) {
    for (let i = 0; i < ranges.length; i += 2) {
      for (let code = ranges[i]!; code <= ranges[i + 1]!; code++) flags[code]! |= flag;
    }
  }
  if (otherwise !== 0) for (let code = 0; code < CODE_POINTS; code++) flags[code] ||= otherwise;
  const ascii = new Uint8Array(256);
  ascii.set(flags.subarray(0, 0x80));
  const starts: number[] = [];
  for (let code = ASTRAL; code < CODE_POINTS; code++) {
    if (code === ASTRAL || flags[code] !== flags[code - 1]) starts.push(code);
  }
  return {
    ascii,
    bmp: flags.slice(0, ASTRAL),
    astralStarts: Int32Array.from(starts),
    astralFlags: Uint8Array.from(starts, (code) => flags[code]!),
  };
}

/** Where `charAt` puts a character's length in bytes; its flags are below. */
export const LENGTH_SHIFT = 8;

/** Flags of the character that begins at `at`, and from bit `LENGTH_SHIFT` on its length in bytes. */
export function charAt(classes: CharClasses, bytes: Uint8Array, at: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return classes.bmp[lead]! | (1 << LENGTH_SHIFT);
  const second = bytes[at + 1]! & 0x3f;
  if (lead < 0xe0) return classes.bmp[((lead & 0x1f) << 6) | second]! | (2 << LENGTH_SHIFT);
  const third = bytes[at + 2]! & 0x3f;
  if (lead < 0xf0) return classes.bmp[((lead & 0x0f) << 12) | (second << 6) | third]! | (3 << LENGTH_SHIFT);
  const code = ((lead & 0x07) << 18) | (second << 12) | (third << 6) | (bytes[at + 3]! & 0x3f);
  return astralFlagsOf(classes, code) | (4 << LENGTH_SHIFT);
}

function astralFlagsOf({ astralStarts, astralFlags }: CharClasses, code: number): number {
  let low = 0;
  let high = astralStarts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (astralStarts[middle]! <= code) low = middle;
    else high = middle;
  }
  return astralFlags[low]!;
}

/** End of the run of characters from `from` on whose flags under `mask` are `wanted`, which is not 0. */
export function endOfRun(
  classes: CharClasses,
  bytes: Uint8Array,
  from: number,
  to: number,
  mask: number,
  wanted: number,
): number {
  const { ascii } = classes;
  let at = from;
  for (;;) {
    while (at < to && (ascii[bytes[at]!]! & mask) === wanted) at++;
    if (at >= to || bytes[at]! < 0x80) return at;
    const char = charAt(classes, bytes, at);
    if ((char & mask) !== wanted) return at;
    at += char >> LENGTH_SHIFT;
  }
}

/** End of at most `most` characters with a flag, of which the first has been seen: it ends at `second`. */
export function endOfSome(
  classes: CharClasses,
  bytes: Uint8Array,
  second: number,
  to: number,
  flag: number,
  most: number,
): number {
  let at = second;
  for (let seen = 1; seen < most && at < to; seen++) {
    const char = charAt(classes, bytes, at);
    if ((char & flag) === 0) break;
    at += char >> LENGTH_SHIFT;
  }
  return at;
}
