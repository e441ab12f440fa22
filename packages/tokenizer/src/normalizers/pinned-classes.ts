/**
 * Classes of characters as HF's normalizers know them, whatever Unicode version the engine has: two libraries behind
 * them are of Unicode 8 and 9. Each expression is made when it is first asked for.
 */
import { type CodePointRanges, complementOf, intersectionOf, unionOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { unpackNumbers, unpackRanges } from "../unicode/packed-ranges.ts";
import { bertMarkBounds, combiningClassRuns, inertBounds, markBounds, secondStarterBounds } from "./pinned-data.ts";

/** A function that makes its value at the first call. */
function once<T>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

/** Ranges as the inside of a character class for the flag u. */
export function classSource(ranges: CodePointRanges): string {
  const spell = (code: number): string => `\\u{${code.toString(16)}}`;
  return Array.from({ length: ranges.length / 2 }, (_, i) => {
    const [from, to] = [ranges[2 * i]!, ranges[2 * i + 1]!];
    return from === to ? spell(from) : `${spell(from)}-${spell(to)}`;
  }).join("");
}

/** Characters to look for. */
export interface PinnedClass {
  /** One of them (flags "gu"). */
  readonly pattern: RegExp;
  /** Whether the text has one of them. */
  occurIn(text: string): boolean;
}

/** With few ranges the engine looks through a text several times faster than with many. */
const COARSE_RANGES = 16;

/** The class of these code points. */
export function pinnedClass(ranges: CodePointRanges): PinnedClass {
  const basic = intersectionOf(ranges, [0, 0xffff]);
  const leads = intersectionOf(ranges, [0x10000, 0x10ffff]).map((code) => 0xd800 + ((code - 0x10000) >> 10));
  const coarse = new RegExp(`[${unitSource(coarsen(unionOf(basic, leads)))}]`);
  const exact = new RegExp(`[${classSource(ranges)}]`, "u");
  const pattern = new RegExp(exact, "gu");
  return { pattern, occurIn: (text) => coarse.test(text) && exact.test(text) };
}

/** Few ranges that hold all of these: the smallest gaps are closed. */
function coarsen(ranges: CodePointRanges): number[] {
  const gaps: (readonly [size: number, index: number])[] = [];
  for (let i = 2; i < ranges.length; i += 2) gaps.push([ranges[i]! - ranges[i - 1]!, i]);
  gaps.sort((a, b) => b[0] - a[0]);
  const kept = gaps.slice(0, COARSE_RANGES - 1).map(([, index]) => index);
  kept.sort((a, b) => a - b);
  return [ranges[0]!, ...kept.flatMap((i) => [ranges[i - 1]!, ranges[i]!]), ranges.at(-1)!];
}

const unitSource = (ranges: CodePointRanges): string =>
  classSource(ranges).replace(/\{(.*?)\}/g, (_, hex: string) => hex.padStart(4, "0"));

/** Combining marks: what StripAccents removes. */
export const marks: () => PinnedClass = once(() => pinnedClass(unpackRanges(markBounds)));

/** Nonspacing marks: what BertNormalizer removes after NFD. */
export const bertMarks: () => PinnedClass = once(() => pinnedClass(unpackRanges(bertMarkBounds)));

/** Format characters newer than BertNormalizer's table. */
const NEWER_FORMAT: CodePointRanges = [0x890, 0x891, 0x8e2, 0x8e2, 0x110cd, 0x110cd, 0x13430, 0x1343f];

/** What BertNormalizer's `clean_text` removes, and white space other than a space itself. */
export const bertClean: () => PinnedClass = once(() => {
  const other = unionOf(codePointsOf("Cc"), codePointsOf("Cf"), codePointsOf("Co"), [0xfffd, 0xfffd]);
  const removed = intersectionOf(other, complementOf(NEWER_FORMAT));
  return pinnedClass(intersectionOf(unionOf(removed, codePointsOf("White_Space")), complementOf([0x20, 0x20])));
});

/** Characters that are newer than HF's normalization forms and would be changed by a newer engine. */
export const inert: () => PinnedClass = once(() => pinnedClass(unpackRanges(inertBounds)));

/** The longest stretches without such characters. */
export const notInertPattern: () => RegExp = once(
  () => new RegExp(`[^${classSource(unpackRanges(inertBounds))}]+`, "gu"),
);

/** Starters that are put together with the character before them. */
export const secondStarters: () => ReadonlySet<string> = once(() => {
  const bounds = unpackRanges(secondStarterBounds);
  const found = new Set<string>();
  for (let i = 0; i < bounds.length; i += 2) {
    for (let code = bounds[i]!; code <= bounds[i + 1]!; code++) found.add(String.fromCodePoint(code));
  }
  return found;
});

/** By code point: the rank of the canonical combining class among all that are not 0; absent for class 0. */
export const combiningRanks: () => ReadonlyMap<number, number> = once(() => {
  const ranks = new Map<number, number>();
  const numbers = unpackNumbers(combiningClassRuns);
  let code = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const end = code + numbers[i + 1]!;
    if (numbers[i] !== 0) for (; code < end; code++) ranks.set(code, numbers[i]!);
    code = end;
  }
  return ranks;
});
