/** What each character becomes before texts are compared, as tables for a pass over UTF-16 units. */

/** The character takes no part in the comparison. */
export const REMOVED = 0;
/** All white space. */
export const SPACE = 0x20;
/** Every decimal digit of any script. */
export const DIGIT = 0x30;
/** In the table of units: half of a surrogate pair, to be looked up by code point. */
export const SURROGATE = 1;

/** Tables over the 2^16 units. */
export interface CharacterMap {
  /** What a unit becomes: `REMOVED`, `SPACE`, `DIGIT`, `SURROGATE`, or another unit. */
  readonly unit: Uint16Array;
  /** 1 where the unit is of a script written without spaces: Han, kana, Thai, Lao, Khmer, Myanmar and their like. */
  readonly unspaced: Uint8Array;
}

/** Blocks of scripts that put no space between words. */
const UNSPACED = [
  [0x0e00, 0x0eff],
  [0x1000, 0x109f],
  [0x1780, 0x17ff],
  [0x2e80, 0x2fdf],
  [0x3005, 0x3007],
  [0x3040, 0x312f],
  [0x31a0, 0x31bf],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0xff66, 0xff9d],
] as const;

let tables: CharacterMap | undefined;
const astral = new Map<number, number>();

/** The tables, made on first use (about 10 ms). */
export function characterMap(): CharacterMap {
  tables ??= { unit: unitTable(), unspaced: unspacedTable() };
  return tables;
}

/** The same for a code point above U+FFFF: 0 when it takes no part, `DIGIT`, or a code point. */
export function mapAstral(codePoint: number): number {
  if (isAstralHan(codePoint)) return codePoint;
  const known = astral.get(codePoint);
  if (known !== undefined) return known;
  const mapped = mapCodePoint(codePoint);
  astral.set(codePoint, mapped);
  return mapped;
}

/** True for the planes of Han characters, U+20000 to U+3FFFF. */
export function isAstralHan(codePoint: number): boolean {
  return codePoint >= 0x20000 && codePoint < 0x40000;
}

/** Lower case, without diacritics; a character that this would make several of stays itself. */
function mapCodePoint(codePoint: number): number {
  const character = String.fromCodePoint(codePoint);
  if (/\s/u.test(character)) return SPACE;
  if (/[\p{P}\p{S}\p{Mn}\p{Cc}\p{Cf}\p{Cs}]/u.test(character)) return REMOVED;
  if (/\p{Nd}/u.test(character)) return DIGIT;
  const bare = [
    ...character
      .toLowerCase()
      .normalize("NFD")
      .replace(/\p{Mn}/gu, ""),
  ];
  const mapped = bare.length === 1 ? bare[0]!.codePointAt(0)! : codePoint;
  return mapped > 0xffff && codePoint <= 0xffff ? codePoint : mapped;
}

function unitTable(): Uint16Array {
  const table = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);
  for (let unit = 0; unit < 0x10000; unit++) {
    if (unit >= 0xd800 && unit < 0xe000) table[unit] = SURROGATE;
    else if (!isItself(unit)) table[unit] = mapCodePoint(unit);
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
  const table = new Uint8Array(0x10000);
  for (const [first, last] of UNSPACED) table.fill(1, first, last + 1);
  return table;
}
