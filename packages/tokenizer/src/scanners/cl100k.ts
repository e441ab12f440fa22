import { complementOf, intersectionOf, unionOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { charAt, createCharClasses, endOfRun, endOfSome, LENGTH_SHIFT } from "./char-classes.ts";
import { contractionLength } from "./contraction.ts";
import { type Scanner, scanBy } from "./scanner.ts";
import { endOfWhiteSpace, lineBreaks, type SpaceRules } from "./white-space.ts";

const LETTER = 1;
const NUMBER = 2;
const SPACE = 4; // \s without the next
const NEWLINE = 8; // [\r\n]
const OTHER = 16; // [^\s\p{L}\p{N}]
const [LF, CR, BLANK] = [0x0a, 0x0d, 0x20];

/**
 * The pattern of cl100k and, but for the length of numbers, of Llama 3 and Qwen 2:
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
 */
export function createCl100kScanner(maxDigits: number): Scanner {
  const [letters, numbers, spaces] = [codePointsOf("L"), codePointsOf("N"), codePointsOf("\\s")];
  const classes = createCharClasses([
    [LETTER, letters],
    [NUMBER, numbers],
    [SPACE, intersectionOf(spaces, complementOf(lineBreaks))],
    [NEWLINE, lineBreaks],
    [OTHER, complementOf(unionOf(letters, numbers, spaces))],
  ]);
  const spaceRules: SpaceRules = { classes, space: SPACE | NEWLINE, newline: NEWLINE, border: 0 };

  function endOfOthers(bytes: Uint8Array, from: number, to: number): number {
    let at = endOfRun(classes, bytes, from, to, OTHER, OTHER);
    while (at < to && (bytes[at] === LF || bytes[at] === CR)) at++;
    return at;
  }

  function endOfPiece(bytes: Uint8Array, from: number, to: number): number {
    const ending = contractionLength(bytes, from, to, true);
    if (ending > 0) return from + ending;
    const char = charAt(classes, bytes, from);
    const second = from + (char >> LENGTH_SHIFT);
    if ((char & LETTER) !== 0) return endOfRun(classes, bytes, second, to, LETTER, LETTER);
    if ((char & NUMBER) !== 0) return endOfSome(classes, bytes, second, to, NUMBER, maxDigits);
    if ((char & NEWLINE) === 0 && second < to) {
      const next = charAt(classes, bytes, second);
      if ((next & LETTER) !== 0) return endOfRun(classes, bytes, second, to, LETTER, LETTER);
      if (bytes[from] === BLANK && (next & OTHER) !== 0) return endOfOthers(bytes, second, to);
    }
    if ((char & OTHER) !== 0) return endOfOthers(bytes, second, to);
    return endOfWhiteSpace(spaceRules, bytes, from, to);
  }

  return scanBy(endOfPiece);
}
