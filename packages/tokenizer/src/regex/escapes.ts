/** What a backslash begins: a set of characters, or one character. */
import { type CodePointRanges, complementOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import type { PatternReader } from "./pattern-reader.ts";
import { propertyRanges } from "./property-ranges.ts";

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27 };
const MAX_CODE_POINT = 0x10ffff;

/** Read an escape that stands for a set, such as `\s` or `\p{Han}`; undefined when another comes next. */
export function readSetEscape(reader: PatternReader, inBrackets: boolean): CodePointRanges | undefined {
  const letter = reader.match(/\\([wsdh])/iy)?.[1];
  if (letter !== undefined) {
    const lower = letter.toLowerCase();
    const set = codePointsOf(lower === "w" && inBrackets ? "[\\w]" : `\\${lower}`);
    return letter === lower ? set : complementOf(set);
  }
  return readProperty(reader, inBrackets);
}

function readProperty(reader: PatternReader, inBrackets: boolean): CodePointRanges | undefined {
  const offset = reader.at;
  const property = reader.match(/\\([pP])\{(\^?)([^}]*)\}/y);
  if (property === undefined) return undefined;
  const set = propertyRanges(property[3]!, inBrackets);
  if (set === undefined) throw reader.refuse(property[0], offset);
  return (property[1] === "P") === (property[2] === "^") ? set : complementOf(set);
}

/**
 * Read an escape that stands for one character; undefined for a letter that means something else.
 *
 * Any other character that a backslash precedes is itself, as Oniguruma has it; `special` lists the letters that are not.
 */
export function readCharacterEscape(reader: PatternReader, special: string): number | undefined {
  const offset = reader.at;
  const code = readCode(reader);
  if (code !== undefined) {
    if (code <= MAX_CODE_POINT) return code;
    throw reader.refuse(reader.pattern.slice(offset, reader.at), offset);
  }
  const letter = reader.pattern[offset + 1];
  if (letter === undefined) throw reader.refuse("\\", offset);
  if (special.includes(letter) || /\d/.test(letter)) return undefined;
  reader.at++;
  const char = reader.next();
  return CONTROLS[char] ?? char.codePointAt(0)!;
}

function readCode(reader: PatternReader): number | undefined {
  const hex = reader.match(/\\(?:x\{([\da-f]{1,8})\}|x([\da-f]{1,2})|u([\da-f]{4}))/iy);
  if (hex !== undefined) return Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
  const octal = reader.match(/\\(?:o\{([0-7]{1,11})\}|(0[0-7]{0,2}|[1-3][0-7]{2}))/y);
  if (octal !== undefined) return Number.parseInt(octal[1] ?? octal[2]!, 8);
  const control = reader.match(/\\c([@-_a-z])/y)?.[1];
  return control === undefined ? undefined : control.charCodeAt(0) & 0x1f;
}
