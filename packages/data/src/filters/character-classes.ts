import { isUnspacedLetter } from "../unspaced-letter.ts";

/** What a character is to the filters: part of a word, a word of its own, space or symbol. */

/** Neither space nor part of a word: punctuation, signs, controls. */
export const SYMBOL = 0;
/** White space and line ends. */
export const SPACE = 1;
/** A letter of a script that puts spaces between words, or a mark. */
export const LETTER = 2;
/** A number. */
export const NUMBER = 3;
/** A letter of a script without spaces (Han, Kana, Thai, Lao, Khmer, Myanmar): counts as a word of its own. */
export const UNSPACED = 4;
/** Joins two words into one when it stands alone between them: apostrophe, hyphen, full stop, low line. */
export const JOINER = 5;

const SPACES = /\s/u;
const MARKS = /\p{M}/u;
const LETTERS = /\p{L}/u;
const NUMBERS = /\p{N}/u;
const JOINERS = "'’-‐._";

let basicPlane: Uint8Array | undefined;
const otherPlanes = new Map<number, number>();

/** The class of every UTF-16 unit, made once at first use; surrogates are symbols here, see `classOfPair`. */
export function characterClasses(): Uint8Array {
  basicPlane ??= Uint8Array.from({ length: 0x10000 }, (_, unit) => classify(unit));
  return basicPlane;
}

/** The class of the character outside the basic plane that two surrogates make. */
export function classOfPair(high: number, low: number): number {
  const codePoint = (high - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
  let found = otherPlanes.get(codePoint);
  if (found === undefined) {
    found = classify(codePoint);
    otherPlanes.set(codePoint, found);
  }
  return found;
}

/** Unicode's properties as the engine knows them: a character it does not know yet is a symbol. */
function classify(codePoint: number): number {
  const character = String.fromCodePoint(codePoint);
  if (SPACES.test(character)) return SPACE;
  if (MARKS.test(character)) return LETTER;
  if (LETTERS.test(character)) return isUnspacedLetter(character) ? UNSPACED : LETTER;
  if (NUMBERS.test(character)) return NUMBER;
  return JOINERS.includes(character) ? JOINER : SYMBOL;
}
