/** Scripts that put no space between words: Han, Kana, Bopomofo, Thai, Lao, Khmer, Myanmar. */
const SCRIPTS =
  /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]/u;
const LETTERS = /[\p{L}\p{M}\p{Nl}]/u;

/**
 * True for a letter, mark or letter-like number of a script written without spaces, the signs that Kana share (U+30FC) too.
 * By Unicode's script extensions as the engine knows them.
 */
export function isUnspacedLetter(character: string): boolean {
  return SCRIPTS.test(character) && LETTERS.test(character);
}
