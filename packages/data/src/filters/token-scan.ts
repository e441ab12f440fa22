import { isHighSurrogate, isPairAt } from "../surrogates.ts";
import { characterClasses, classOfPair, JOINER, LETTER, NUMBER, SPACE, SYMBOL, UNSPACED } from "./character-classes.ts";

/** A run of punctuation and signs next to a word. */
export const SYMBOL_TOKEN = 0;
/** A run of punctuation and signs between spaces. */
export const LONE_SYMBOL_TOKEN = 1;
/** A word without a letter. Words are the kinds from this one on. */
export const NUMBER_TOKEN = 2;
/** A word with at least one letter. */
export const WORD_TOKEN = 3;

/**
 * Cuts texts into words and runs of symbols, with room that is used again for the next text.
 *
 * A word is a run of letters, marks and numbers; a single apostrophe, hyphen, full stop or low line between two of
 * them belongs to it (don't, well-known, U.S, snake_case). A character of a script without spaces is a word of its
 * own, with the marks that follow it. What else stands between spaces is a symbol, a run of them one token.
 * Close to the tokenizers that the thresholds were measured with, and the same for every language.
 */
export class TokenScan {
  /** Tokens found in the last text. */
  count = 0;
  /** Where each token begins and ends in the text, in UTF-16 units; the first `count` are valid. */
  starts: Int32Array = new Int32Array(1024);
  ends: Int32Array = new Int32Array(1024);
  /** SYMBOL_TOKEN, LONE_SYMBOL_TOKEN, NUMBER_TOKEN or WORD_TOKEN. */
  kinds: Uint8Array = new Uint8Array(1024);

  /** Find the tokens of `text`. */
  scan(text: string): this {
    this.#reserve(text.length);
    const classes = characterClasses();
    let count = 0;
    let i = 0;
    while (i < text.length) {
      const unit = text.charCodeAt(i);
      const kind = isHighSurrogate(unit) ? classAt(text, i, classes) : classes[unit]!;
      if (kind === SPACE) {
        i++;
        continue;
      }
      this.starts[count] = i;
      if (kind === UNSPACED) {
        i = this.#unspaced(text, i, classes);
        this.kinds[count] = WORD_TOKEN;
      } else if (kind === LETTER || kind === NUMBER) {
        i = this.#word(text, i, classes);
        this.kinds[count] = this.#hasLetter ? WORD_TOKEN : NUMBER_TOKEN;
      } else {
        const isAfterSpace = i === 0 || classes[text.charCodeAt(i - 1)] === SPACE;
        i = symbols(text, i, classes);
        const isLone = isAfterSpace && (i === text.length || classes[text.charCodeAt(i)] === SPACE);
        this.kinds[count] = isLone ? LONE_SYMBOL_TOKEN : SYMBOL_TOKEN;
      }
      this.ends[count++] = i;
    }
    this.count = count;
    return this;
  }

  #hasLetter = false;

  #word(text: string, start: number, classes: Uint8Array): number {
    let hasLetter = false;
    let i = start;
    while (i < text.length) {
      const unit = text.charCodeAt(i);
      const kind = isHighSurrogate(unit) ? classAt(text, i, classes) : classes[unit]!;
      if (kind === LETTER) hasLetter = true;
      else if (kind === JOINER) {
        const next = i + 1 < text.length ? classAt(text, i + 1, classes) : SPACE;
        if (next !== LETTER && next !== NUMBER) break;
      } else if (kind !== NUMBER) break;
      i += isHighSurrogate(unit) ? 2 : 1;
    }
    this.#hasLetter = hasLetter;
    return i;
  }

  #unspaced(text: string, start: number, classes: Uint8Array): number {
    let i = start + (isHighSurrogate(text.charCodeAt(start)) ? 2 : 1);
    while (i < text.length && isMark(text, i, classes)) i++;
    return i;
  }

  /** A text has at most as many tokens as units. Large rooms are given back when a much smaller text comes. */
  #reserve(length: number): void {
    const room = this.starts.length;
    if (length <= room && (room <= KEPT_ROOM || length > room / 8)) return;
    const size = Math.max(1024, length);
    this.starts = new Int32Array(size);
    this.ends = new Int32Array(size);
    this.kinds = new Uint8Array(size);
  }
}

const KEPT_ROOM = 1 << 20;
const MARKS = /\p{M}/u;

function symbols(text: string, start: number, classes: Uint8Array): number {
  let i = start;
  while (i < text.length) {
    const unit = text.charCodeAt(i);
    const kind = isHighSurrogate(unit) ? classAt(text, i, classes) : classes[unit]!;
    if (kind !== SYMBOL && kind !== JOINER) break;
    i += isPairAt(text, i) ? 2 : 1;
  }
  return i;
}

function classAt(text: string, i: number, classes: Uint8Array): number {
  const unit = text.charCodeAt(i);
  return isHighSurrogate(unit) && isPairAt(text, i) ? classOfPair(unit, text.charCodeAt(i + 1)) : classes[unit]!;
}

/** Marks of unspaced scripts are letters to the table; Thai vowels above and below, Khmer and Myanmar signs. */
function isMark(text: string, i: number, classes: Uint8Array): boolean {
  return classes[text.charCodeAt(i)] === LETTER && text.charCodeAt(i) >= 0x300 && MARKS.test(text.charAt(i));
}
