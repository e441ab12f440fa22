import { complementOf, intersectionOf, unionOf } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { type CharClasses, charAt, createCharClasses, endOfRun, endOfSome, LENGTH_SHIFT } from "./char-classes.ts";
import { contractionLength } from "./contraction.ts";
import { type Scanner, scanBy } from "./scanner.ts";
import { endOfWhiteSpace, lineBreaks, type SpaceRules } from "./white-space.ts";

const UPPER = 1; // [\p{Lu}\p{Lt}]
const LOWER = 2; // \p{Ll}
const EITHER = 4; // [\p{Lm}\p{Lo}\p{M}]
const NUMBER = 8;
const SPACE = 16; // \s without the next
const NEWLINE = 32; // [\r\n]
const OTHER = 64; // [^\s\p{L}\p{N}], marks among them
const LETTER = 128;
const [LF, CR, BLANK, SLASH] = [0x0a, 0x0d, 0x20, 0x2f];

/**
 * The pattern of o200k, which cuts words where a capital follows a small letter. With
 * U = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, W = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`, E = `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`:
 * `[^\r\n\p{L}\p{N}]?U*W+E|[^\r\n\p{L}\p{N}]?U+W*E|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
 */
export function createO200kScanner(): Scanner {
  const [letters, numbers, spaces] = [codePointsOf("L"), codePointsOf("N"), codePointsOf("\\s")];
  const classes = createCharClasses([
    [UPPER, unionOf(codePointsOf("Lu"), codePointsOf("Lt"))],
    [LOWER, codePointsOf("Ll")],
    [EITHER, unionOf(codePointsOf("Lm"), codePointsOf("Lo"), codePointsOf("M"))],
    [LETTER, letters],
    [NUMBER, numbers],
    [SPACE, intersectionOf(spaces, complementOf(lineBreaks))],
    [NEWLINE, lineBreaks],
    [OTHER, complementOf(unionOf(letters, numbers, spaces))],
  ]);
  const spaceRules: SpaceRules = { classes, space: SPACE | NEWLINE, newline: NEWLINE, border: 0 };
  const word = new WordRule(classes);

  function endOfOthers(bytes: Uint8Array, from: number, to: number): number {
    let at = endOfRun(classes, bytes, from, to, OTHER, OTHER);
    while (at < to && (bytes[at] === LF || bytes[at] === CR || bytes[at] === SLASH)) at++;
    return at;
  }

  function endOfPiece(bytes: Uint8Array, from: number, to: number): number {
    const char = charAt(classes, bytes, from);
    if ((char & NUMBER) !== 0) return endOfSome(classes, bytes, from + (char >> LENGTH_SHIFT), to, NUMBER, 3);
    const wordEnd = word.endFrom(bytes, from, to, char);
    if (wordEnd > 0) return wordEnd + contractionLength(bytes, wordEnd, to, true);
    if ((char & OTHER) !== 0) return endOfOthers(bytes, from, to);
    const second = from + (char >> LENGTH_SHIFT);
    if (bytes[from] === BLANK && second < to && (charAt(classes, bytes, second) & OTHER) !== 0) {
      return endOfOthers(bytes, second, to);
    }
    return endOfWhiteSpace(spaceRules, bytes, from, to);
  }

  return scanBy(endOfPiece);
}

/** The two alternatives for words, without their ending: both with a character before the word, then both without. */
class WordRule {
  readonly #classes: CharClasses;

  constructor(classes: CharClasses) {
    this.#classes = classes;
  }

  /** End of the word that begins at `from` with `char`, or 0 when neither alternative matches. */
  endFrom(bytes: Uint8Array, from: number, to: number, char: number): number {
    const mayLead = (char & (LETTER | NUMBER | NEWLINE)) === 0;
    const second = from + (char >> LENGTH_SHIFT);
    if (mayLead) {
      const end = this.#mixedEnd(bytes, second, to);
      if (end > 0) return end;
    }
    const isWord = (char & (UPPER | LOWER | EITHER)) !== 0;
    const end = isWord ? this.#mixedEnd(bytes, from, to) : 0;
    if (end > 0) return end;
    const capitals = mayLead ? this.#capitalsEnd(bytes, second, to) : 0;
    return capitals > 0 || !isWord ? capitals : this.#capitalsEnd(bytes, from, to);
  }

  /** `U*W+`: capitals, then small letters; without a small letter the last character that may be either serves as one. */
  #mixedEnd(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    let afterEither = 0;
    while (at < to) {
      const char = charAt(this.#classes, bytes, at);
      if ((char & LOWER) !== 0) return this.#smallEnd(bytes, at, to);
      if ((char & (UPPER | EITHER)) === 0) break;
      at += char >> LENGTH_SHIFT;
      if ((char & EITHER) !== 0) afterEither = at;
    }
    return afterEither;
  }

  /** `W+` from a character that it holds. */
  #smallEnd(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const char = charAt(this.#classes, bytes, at);
      if ((char & (LOWER | EITHER)) === 0) break;
      at += char >> LENGTH_SHIFT;
    }
    return at;
  }

  /** `U+`, or 0. Small letters cannot follow: the first alternative would have matched. */
  #capitalsEnd(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const char = charAt(this.#classes, bytes, at);
      if ((char & (UPPER | EITHER)) === 0) break;
      at += char >> LENGTH_SHIFT;
    }
    return at > from ? at : 0;
  }
}
