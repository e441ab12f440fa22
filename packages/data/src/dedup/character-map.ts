/** What each character becomes before texts are compared, as tables for a pass over UTF-16 units. */

import { isUnspacedLetter } from "../unspaced-letter.ts";

/** The character takes no part in the comparison. */
export const REMOVED = 0;
/** All white space. */
export const SPACE = 0x20;
/** What every decimal digit of any script becomes where numbers are zeroed. */
export const DIGIT = 0x30;
/** In the table of units: half of a surrogate pair, to be looked up by code point. */
export const SURROGATE = 1;

/** What becomes of digits: they stay as they are, or each run of them is one 0. */
export type Numbers = "keep" | "zero";

/** What each character becomes. */
export interface CharacterMap {
  /** Over the 2^16 units: `REMOVED`, `SPACE`, `SURROGATE`, or another unit, `DIGIT` for all digits that are zeroed. */
  readonly unit: Uint16Array;
  /** 1 where the unit is a letter of a script written without spaces (unspaced-letter.ts). */
  readonly unspaced: Uint8Array;
  /** The same as `unit` for a code point above U+FFFF: `REMOVED`, `DIGIT`, or a code point. */
  astral(codePoint: number): number;
}

const maps = new Map<Numbers, CharacterMap>();

/** The map, made on first use (about 20 ms). */
export function characterMap(numbers: Numbers): CharacterMap {
  const known = maps.get(numbers);
  if (known !== undefined) return known;
  const map = { unit: unitTable(numbers), unspaced: unspacedTable(), astral: astralMap(numbers) };
  maps.set(numbers, map);
  return map;
}

function astralMap(numbers: Numbers): CharacterMap["astral"] {
  const seen = new Map<number, number>();
  return (codePoint) => {
    if (isAstralHan(codePoint)) return codePoint;
    const known = seen.get(codePoint);
    if (known !== undefined) return known;
    const mapped = mapCodePoint(codePoint, numbers);
    seen.set(codePoint, mapped);
    return mapped;
  };
}

/** True for the planes of Han characters, U+20000 to U+3FFFF. */
export function isAstralHan(codePoint: number): boolean {
  return codePoint >= 0x20000 && codePoint < 0x40000;
}

/** Lower case, without diacritics; a character that this would make several of stays itself. */
function mapCodePoint(codePoint: number, numbers: Numbers): number {
  const character = String.fromCodePoint(codePoint);
  if (/\s/u.test(character)) return SPACE;
  if (/[\p{P}\p{S}\p{Mn}\p{Cc}\p{Cf}\p{Cs}]/u.test(character)) return REMOVED;
  if (/\p{Nd}/u.test(character)) return numbers === "zero" ? DIGIT : codePoint;
  const bare = [
    ...character
      .toLowerCase()
      .normalize("NFD")
      .replace(/\p{Mn}/gu, ""),
  ];
  const mapped = bare.length === 1 ? bare[0]!.codePointAt(0)! : codePoint;
  return mapped > 0xffff && codePoint <= 0xffff ? codePoint : mapped;
}

function unitTable(numbers: Numbers): Uint16Array {
  const table = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);
  for (let unit = 0; unit < 0x10000; unit++) {
    if (unit >= 0xd800 && unit < 0xe000) table[unit] = SURROGATE;
    else if (!isItself(unit)) table[unit] = mapCodePoint(unit, numbers);
  }
  return table;
}

/** Han, Hangul and private use: most of the table, and none of it changes. */
function isItself(unit: number): boolean {
  return (
    (unit >= 0x3400 && unit < 0x4dc0) ||
    (unit >= 0x4e00 && unit < 0xa000) ||
    (unit >= 0xac00 && unit < 0xd7a4) ||
    (unit >= 0xe000 && unit < 0xf900)
  );
}

function unspacedTable(): Uint8Array {
  return Uint8Array.from({ length: 0x10000 }, (_, unit) => (isUnspacedLetter(String.fromCharCode(unit)) ? 1 : 0));
}
