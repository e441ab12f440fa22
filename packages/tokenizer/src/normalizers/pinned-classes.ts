/**
 * Classes of characters as HF's normalizers know them, whatever Unicode version the engine has: two libraries behind
 * them are of Unicode 8 and 9. Each expression is made when it is first asked for.
 */
import { type CodePointRanges, complementOf, intersectionOf, unionOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { unpackNumbers, unpackRanges } from "../unicode/packed-ranges.ts";
import { bertMarkBounds, combiningClassRuns, inertBounds, markBounds } from "./pinned-data.ts";

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

const pattern = (ranges: CodePointRanges): RegExp => new RegExp(`[${classSource(ranges)}]`, "gu");

/** One combining mark: what StripAccents removes. */
export const markPattern: () => RegExp = once(() => pattern(unpackRanges(markBounds)));

/** One nonspacing mark: what BertNormalizer removes after NFD. */
export const bertMarkPattern: () => RegExp = once(() => pattern(unpackRanges(bertMarkBounds)));

/** Format characters newer than BertNormalizer's table. */
const NEWER_FORMAT: CodePointRanges = [0x890, 0x891, 0x8e2, 0x8e2, 0x110cd, 0x110cd, 0x13430, 0x1343f];

/** One character that BertNormalizer's `clean_text` removes, or white space other than a space itself. */
export const bertCleanPattern: () => RegExp = once(() => {
  const other = unionOf(codePointsOf("Cc"), codePointsOf("Cf"), codePointsOf("Co"), [0xfffd, 0xfffd]);
  const removed = intersectionOf(other, complementOf(NEWER_FORMAT));
  return pattern(intersectionOf(unionOf(removed, codePointsOf("White_Space")), complementOf([0x20, 0x20])));
});

const inertSource = once(() => classSource(unpackRanges(inertBounds)));

/** One character that is newer than HF's normalization forms and would be changed by a newer engine. */
export const inertPattern: () => RegExp = once(() => new RegExp(`[${inertSource()}]`, "u"));

/** The longest stretches without such characters. */
export const notInertPattern: () => RegExp = once(() => new RegExp(`[^${inertSource()}]+`, "gu"));

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
