import { isHighSurrogate, isLowSurrogate } from "../surrogates.ts";
import { characterClasses, classOfPair, LETTER, UNSPACED } from "./character-classes.ts";

/** Letters of a text. */
export interface LetterCounts {
  /** All, marks included. */
  readonly letters: number;
  /** Of these, Chinese characters. */
  readonly han: number;
  /** Of these, Hiragana and Katakana. */
  readonly kana: number;
}

/** Count letters by the scripts that tell East Asian languages apart. */
export function countLetters(text: string): LetterCounts {
  const classes = characterClasses();
  let letters = 0;
  let han = 0;
  let kana = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(i + 1))) {
      const kind = classOfPair(unit, text.charCodeAt(++i));
      if (kind === LETTER || kind === UNSPACED) letters++;
      if (kind === UNSPACED) han++;
      continue;
    }
    const kind = classes[unit]!;
    if (kind !== LETTER && kind !== UNSPACED) continue;
    letters++;
    if (kind !== UNSPACED) continue;
    if (isKana(unit)) kana++;
    else if (unit >= 0x2e80 && unit < 0xfb00) han++;
  }
  return { letters, han, kana };
}

function isKana(unit: number): boolean {
  return (unit >= 0x3040 && unit < 0x3100) || (unit >= 0x31f0 && unit < 0x3200) || (unit >= 0xff66 && unit < 0xff9e);
}
