/**
 * Case folding of Unicode 16: which characters are one letter in several cases.
 *
 * Simple folding maps a character to one other (`A` to `a`, the Kelvin sign to `k`); full folding maps a few to several
 * (`ß` to `ss`).
 */
import { type CodePointRanges, hasCodePoint, unionOf } from "./code-point-ranges.ts";
import { unpackNumbers } from "./packed-ranges.ts";
import { fullFoldings, simpleFoldings } from "./unicode-16-data.ts";

interface Foldings {
  /** Simple folding of each character that has one. */
  readonly simple: ReadonlyMap<number, number>;
  /** All characters of one simple folding, itself with them. */
  readonly members: ReadonlyMap<number, readonly number[]>;
  /** Full folding of each character that has one. */
  readonly full: ReadonlyMap<number, readonly number[]>;
}

let loaded: Foldings | undefined;

/** The characters that equal `code` but for case, by simple folding; itself among them, rising. */
export function caseVariants(code: number): readonly number[] {
  const { simple, members } = foldings();
  return members.get(simple.get(code) ?? code) ?? [code];
}

/** The characters that `code` becomes by full folding: several for a few, else its simple folding. */
export function foldFully(code: number): readonly number[] {
  const { simple, full } = foldings();
  return full.get(code) ?? [simple.get(code) ?? code];
}

/** Every character that folds to several, with those. */
export function multipleFoldings(): ReadonlyMap<number, readonly number[]> {
  return foldings().full;
}

/** A set with all case variants of its characters. */
export function closeOverCase(set: CodePointRanges): CodePointRanges {
  const added: number[] = [];
  for (const variants of foldings().members.values()) {
    if (variants.some((code) => hasCodePoint(set, code))) for (const code of variants) added.push(code, code);
  }
  return unionOf(set, added);
}

function foldings(): Foldings {
  if (loaded !== undefined) return loaded;
  const simple = unpackSimple();
  const members = new Map<number, number[]>();
  for (const [code, folded] of simple) {
    const list = members.get(folded) ?? [folded];
    members.set(folded, [...list, code]);
  }
  for (const list of members.values()) list.sort((a, b) => a - b);
  loaded = { simple, members, full: unpackFull() };
  return loaded;
}

function unpackSimple(): Map<number, number> {
  const simple = new Map<number, number>();
  const numbers = unpackNumbers(simpleFoldings);
  for (let i = 0, code = 0; i < numbers.length; i += 3) {
    code += numbers[i]!;
    const [length, step, zigzag] = [numbers[i + 1]! >> 1, (numbers[i + 1]! & 1) + 1, numbers[i + 2]!];
    const difference = zigzag & 1 ? -(zigzag + 1) / 2 : zigzag / 2;
    for (let k = 0; k < length; k++) simple.set(code + step * k, code + step * k + difference);
  }
  return simple;
}

function unpackFull(): Map<number, readonly number[]> {
  const full = new Map<number, readonly number[]>();
  const numbers = unpackNumbers(fullFoldings);
  for (let i = 0, code = 0; i < numbers.length; ) {
    code += numbers[i]!;
    const count = numbers[i + 1]!;
    full.set(code, numbers.slice(i + 2, i + 2 + count));
    i += 2 + count;
  }
  return full;
}
