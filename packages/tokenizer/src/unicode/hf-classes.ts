/**
 * Classes that HF tokenizers asks other libraries for than Oniguruma: each has its own Unicode version, and ids follow
 * them. The sets are its answers for every character.
 */
import { type CodePointRanges, unionOf } from "./code-point-ranges.ts";
import { codePointsOf } from "./code-points-of.ts";
import { numericBounds, punctuationBounds, scriptlessBounds } from "./hf-classes-data.ts";
import { unpackRanges } from "./packed-ranges.ts";
import { scriptNames } from "./unicode-16-data.ts";

/** What Digits calls a digit: `\p{N}` and thirteen numbers of Unicode 17. */
export function numericCharacters(): CodePointRanges {
  return unpackRanges(numericBounds);
}

/** What Punctuation and BertPreTokenizer call punctuation: all of ASCII's, and `\p{P}` of Unicode 8. */
export function punctuationCharacters(): CodePointRanges {
  return unpackRanges(punctuationBounds);
}

/** `\w` of Rust's regular expressions, for Whitespace: that of Oniguruma's brackets and the two joiners. */
export function wordCharacters(): CodePointRanges {
  return unionOf(codePointsOf("[\\w]"), codePointsOf("Join_Control"));
}

/** Characters that go with any script. */
export const ANY_SCRIPT = 0;

/**
 * A number for each character's script as UnicodeScripts sees it: a table of about Unicode 10, where kana and the long
 * vowel mark count as Han, and the space goes with any script. By code point.
 */
export function scriptNumbers(): Uint8Array {
  const numbers = new Uint8Array(0x110000);
  const names = scriptNames.split(" ");
  const number = (name: string): number => names.indexOf(name) + 1;
  const paint = (ranges: CodePointRanges, value: number): void => {
    for (let i = 0; i < ranges.length; i += 2) numbers.fill(value, ranges[i]!, ranges[i + 1]! + 1);
  };
  for (const name of names) paint(codePointsOf(name), number(name));
  for (const name of ["Hiragana", "Katakana"]) paint(codePointsOf(name), number("Han"));
  paint([0x30fc, 0x30fc], number("Han"));
  paint([0x589, 0x589, 0x61c, 0x61c], number("Common"));
  paint([0x953, 0x954], number("Devanagari"));
  paint(unpackRanges(scriptlessBounds), ANY_SCRIPT);
  return numbers;
}
