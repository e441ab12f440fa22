/** Sets of code points as flat inclusive ranges [from, to, from, to ...], rising, neither overlapping nor touching. */
export type CodePointRanges = readonly number[];

/** The last code point. */
const MAX_CODE_POINT = 0x10ffff;

/** All code points of all the sets. Ranges of a set may come in any order. */
export function unionOf(...sets: readonly CodePointRanges[]): number[] {
  const pairs = sets.flatMap((set) => Array.from({ length: set.length / 2 }, (_, i) => [set[2 * i]!, set[2 * i + 1]!]));
  pairs.sort((a, b) => a[0]! - b[0]!);
  const out: number[] = [];
  for (const [from, to] of pairs as [number, number][]) {
    if (out.length > 0 && from <= out.at(-1)! + 1) out[out.length - 1] = Math.max(out.at(-1)!, to);
    else out.push(from, to);
  }
  return out;
}

/** All other code points. */
export function complementOf(set: CodePointRanges): number[] {
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i < set.length; i += 2) {
    if (set[i]! > next) out.push(next, set[i]! - 1);
    next = set[i + 1]! + 1;
  }
  if (next <= MAX_CODE_POINT) out.push(next, MAX_CODE_POINT);
  return out;
}

/** The code points in both sets. */
export function intersectionOf(a: CodePointRanges, b: CodePointRanges): number[] {
  return complementOf(unionOf(complementOf(a), complementOf(b)));
}

/** Whether the set has the code point: a binary search. */
export function hasCodePoint(set: CodePointRanges, code: number): boolean {
  let low = 0;
  let high = set.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (set[2 * middle + 1]! < code) low = middle + 1;
    else high = middle;
  }
  return 2 * low < set.length && set[2 * low]! <= code;
}
