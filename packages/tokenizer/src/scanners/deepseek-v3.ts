import { complementOf, intersectionOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { charAt, createCharClasses, endOfRun, endOfSome, LENGTH_SHIFT } from "./char-classes.ts";
import { type Scanner, scanBy } from "./scanner.ts";
import { endOfWhiteSpace, lineBreaks, type SpaceRules } from "./white-space.ts";

const WORD = 1; // [\p{L}\p{M}]
const MARK = 2; // [\p{P}\p{S}]
const SPACE = 4; // \s without the next
const NEWLINE = 8; // [\r\n]
const NUMBER = 16; // \p{N}
const CJK = 32; // [一-龥぀-ゟ゠-ヿ]
const FLAGS = 0xff;

const [LF, CR, BLANK] = [0x0a, 0x0d, 0x20];

/**
 * DeepSeek-V3's three splits in one pass: `\p{N}{1,3}`, then runs of CJK, then words, marks and white space.
 *
 * Each split sees the pieces of the one before as texts of their own. So a run of CJK, a run of anything else and a number
 * are separate worlds: no rule of the third split looks or reaches across their borders.
 */
export function createDeepseekV3Scanner(): Scanner {
  const classes = createCharClasses([
    [WORD, codePointsOf("L")],
    [WORD, codePointsOf("M")],
    [MARK, codePointsOf("P")],
    [MARK, codePointsOf("S")],
    [SPACE, intersectionOf(codePointsOf("\\s"), complementOf(lineBreaks))],
    [NEWLINE, lineBreaks],
    [NUMBER, codePointsOf("N")],
    [CJK, [0x3040, 0x30ff, 0x4e00, 0x9fa5]],
  ]);
  const spaces: SpaceRules = { classes, space: SPACE | NEWLINE, newline: NEWLINE, border: NUMBER | CJK };

  function endOfPiece(bytes: Uint8Array, from: number, to: number): number {
    const char = charAt(classes, bytes, from);
    const next = from + (char >> LENGTH_SHIFT);
    if ((char & WORD) !== 0) return endOfRun(classes, bytes, next, to, WORD | CJK, char & (WORD | CJK));
    if ((char & NUMBER) !== 0) return endOfSome(classes, bytes, next, to, NUMBER, 3);
    if ((char & MARK) !== 0) {
      if (bytes[from]! < 0x80 && next < to && isAsciiLetter(bytes[next]!)) return endOfAsciiWord(bytes, next, to);
      return endOfMarks(bytes, next, to, char & CJK);
    }
    return endOfOther(bytes, from, to, char);
  }

  /** Marks, and the line breaks after them, which are never CJK. */
  function endOfMarks(bytes: Uint8Array, from: number, to: number, world: number): number {
    let at = endOfRun(classes, bytes, from, to, MARK | CJK, MARK | world);
    if (world === 0) while (at < to && (bytes[at] === LF || bytes[at] === CR)) at++;
    return at;
  }

  /** White space, and characters of no class, which may be the one character before a word. */
  function endOfOther(bytes: Uint8Array, from: number, to: number, char: number): number {
    const world = char & CJK;
    const second = from + (char >> LENGTH_SHIFT);
    if ((char & NEWLINE) === 0 && second < to) {
      const next = charAt(classes, bytes, second);
      if ((next & (WORD | CJK)) === (WORD | world)) {
        return endOfRun(classes, bytes, second, to, WORD | CJK, WORD | world);
      }
      if (bytes[from] === BLANK && (next & (MARK | CJK)) === MARK) return endOfMarks(bytes, second, to, 0);
    }
    return (char & (SPACE | NEWLINE)) !== 0
      ? endOfWhiteSpace(spaces, bytes, from, to)
      : endOfGap(bytes, second, to, world);
  }

  /** Characters that no rule matches form one piece, up to where a rule does match. */
  function endOfGap(bytes: Uint8Array, from: number, to: number, world: number): number {
    let at = from;
    while (at < to) {
      const char = charAt(classes, bytes, at);
      if ((char & FLAGS) !== world) break;
      const next = at + (char >> LENGTH_SHIFT);
      if (next < to && (charAt(classes, bytes, next) & (WORD | CJK)) === (WORD | world)) break;
      at = next;
    }
    return at;
  }

  return scanBy(endOfPiece);
}

function isAsciiLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function endOfAsciiWord(bytes: Uint8Array, from: number, to: number): number {
  let at = from + 1;
  while (at < to && isAsciiLetter(bytes[at]!)) at++;
  return at;
}
