import { complementOf, unionOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { charAt, createCharClasses, endOfRun, LENGTH_SHIFT } from "./char-classes.ts";
import { contractionLength } from "./contraction.ts";
import { type Scanner, scanBy } from "./scanner.ts";
import { endOfWhiteSpace, type SpaceRules } from "./white-space.ts";

const LETTER = 1;
const NUMBER = 2;
const SPACE = 4;
const OTHER = 8; // [^\s\p{L}\p{N}]
const FLAGS = 0xff;
const BLANK = 0x20;

/** GPT-2's pattern: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`. */
export function createGpt2Scanner(): Scanner {
  const named = [codePointsOf("L"), codePointsOf("N"), codePointsOf("\\s")] as const;
  const classes = createCharClasses([
    [LETTER, named[0]],
    [NUMBER, named[1]],
    [SPACE, named[2]],
    [OTHER, complementOf(unionOf(...named))],
  ]);
  const spaces: SpaceRules = { classes, space: SPACE, newline: 0, border: 0 };

  function endOfPiece(bytes: Uint8Array, from: number, to: number): number {
    const ending = contractionLength(bytes, from, to, false);
    if (ending > 0) return from + ending;
    const char = charAt(classes, bytes, from);
    const second = from + (char >> LENGTH_SHIFT);
    if ((char & SPACE) === 0) return endOfRun(classes, bytes, second, to, FLAGS, char & FLAGS);
    if (bytes[from] === BLANK && second < to) {
      const next = charAt(classes, bytes, second);
      if ((next & SPACE) === 0) return endOfRun(classes, bytes, second, to, FLAGS, next & FLAGS);
    }
    return endOfWhiteSpace(spaces, bytes, from, to);
  }

  return scanBy(endOfPiece);
}
