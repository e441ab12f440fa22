import { type CharClasses, charAt, LENGTH_SHIFT } from "./char-classes.ts";

/** The code points of `[\r\n]`. */
export const lineBreaks: readonly number[] = [0x0a, 0x0a, 0x0d, 0x0d];

/** Which flags of a scanner's classes say what white space rules ask. */
export interface SpaceRules {
  readonly classes: CharClasses;
  /** Flags of `\s`. */
  readonly space: number;
  /** Flag of `\r` and `\n`; 0 for patterns without a rule for lines. */
  readonly newline: number;
  /** Flags of characters at which the pattern's world ends, as at the end of the text. */
  readonly border: number;
}

/**
 * End of the piece that begins with white space at `from`, by `\s*[\r\n]+|\s+(?!\S)|\s+`.
 *
 * The first rule takes all up to the run's last line break; the second leaves one character to the word that follows; the
 * third takes a single one.
 */
export function endOfWhiteSpace(rules: SpaceRules, bytes: Uint8Array, from: number, to: number): number {
  const { classes, space, newline, border } = rules;
  let at = from;
  let last = from;
  let afterLine = -1;
  let following = 0;
  while (at < to) {
    following = charAt(classes, bytes, at);
    if ((following & space) === 0) break;
    last = at;
    at += following >> LENGTH_SHIFT;
    if ((following & newline) !== 0) afterLine = at;
  }
  if (afterLine >= 0) return afterLine;
  const isAtEnd = at >= to || (following & border) !== 0;
  return isAtEnd || last === from ? at : last;
}
