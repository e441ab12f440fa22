/**
 * Texts as near-duplicate search compares them: lower case, no diacritics, no punctuation, symbols or control
 * characters, white space single and not at the ends; numbers as they are or, with "zero", every run of digits one 0.
 *
 * The rules are those of datatrove's text normalisation before MinHash. Differs from it: digits stay by default, because
 * with every number a 0 all exercises of one form, numbered headings and rows of a table are one text, of which all but
 * one would go ("zero" is datatrove's way, for pages that differ in dates and counters alone); symbols of Unicode's class S
 * go too; a character whose bare form is several characters (Hangul syllables) stays as it is. Points and signs go with
 * either: 1.2 is 12, and 3 + 4 is 3 - 4.
 */
import {
  type CharacterMap,
  characterMap,
  DIGIT,
  isAstralHan,
  type Numbers,
  REMOVED,
  SPACE,
  SURROGATE,
} from "./character-map.ts";
import { fitUnits } from "./fit-units.ts";

/** A buffer of UTF-16 units that documents are simplified into, one after another. */
export class SimplifiedText {
  units: Uint16Array = new Uint16Array(1 << 12);
  length = 0;
  /** Characters that are no spaces. */
  characters = 0;
  /** Those of them in scripts written without spaces. */
  unspaced = 0;
  readonly #map: CharacterMap;
  /** What is written once however often it follows itself: `DIGIT` where numbers are zeroed, else no unit. */
  readonly #once: number;

  constructor(numbers: Numbers) {
    this.#map = characterMap(numbers);
    this.#once = numbers === "zero" ? DIGIT : -1;
  }

  /** Replace the content by a text's simplified form. */
  set(text: string): void {
    this.units = fitUnits(this.units, text.length);
    this.characters = 0;
    this.unspaced = 0;
    const end = this.#write(text);
    this.length = end > 0 && this.units[end - 1] === SPACE ? end - 1 : end;
  }

  toString(): string {
    const parts: string[] = [];
    for (let i = 0; i < this.length; i += 8192)
      parts.push(String.fromCharCode(...this.units.subarray(i, Math.min(i + 8192, this.length))));
    return parts.join("");
  }

  #write(text: string): number {
    const { unit: map, unspaced: isUnspaced } = this.#map;
    const once = this.#once;
    const out = this.units;
    let end = 0;
    let characters = 0;
    let unspaced = 0;
    let last = SPACE;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      const mapped = map[unit]!;
      if (mapped === REMOVED) continue;
      if (mapped === SPACE || mapped === once) {
        if (mapped === last) continue;
        if (mapped === once) characters++;
      } else if (mapped === SURROGATE) {
        const codePoint = text.codePointAt(i)!;
        if (codePoint > 0xffff) i++;
        const written = this.#writeAstral(codePoint, end, last);
        if (written === 0) continue;
        end += written;
        characters++;
        if (isAstralHan(codePoint)) unspaced++;
        last = out[end - 1]!;
        continue;
      } else {
        characters++;
        unspaced += isUnspaced[mapped]!;
      }
      out[end++] = mapped;
      last = mapped;
    }
    this.characters = characters;
    this.unspaced = unspaced;
    return end;
  }

  /** Write what a code point of two units (or a lone half, which goes) becomes; returns the units written, 0 to 2. */
  #writeAstral(codePoint: number, at: number, last: number): number {
    const mapped = codePoint > 0xffff ? this.#map.astral(codePoint) : REMOVED;
    if (mapped === REMOVED || (mapped === this.#once && last === mapped)) return 0;
    const character = String.fromCodePoint(mapped);
    for (let i = 0; i < character.length; i++) this.units[at + i] = character.charCodeAt(i);
    return character.length;
  }
}

/** A text in the form that near-duplicate search compares, numbers kept or zeroed. See the top of this file. */
export function simplifyText(text: string, options: { readonly numbers?: "keep" | "zero" } = {}): string {
  const simplified = new SimplifiedText(options.numbers ?? "keep");
  simplified.set(text);
  return simplified.toString();
}
