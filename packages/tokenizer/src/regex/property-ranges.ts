/** Names of character classes as Oniguruma knows them: spaces, `-`, `_` and case do not count. */
import { type CodePointRanges, unionOf } from "../unicode/code-point-ranges.ts";
import { classNames, codePointsOf } from "../unicode/code-points-of.ts";

const LONG_CATEGORIES =
  "L Letter, LC Cased_Letter, Lu Uppercase_Letter, Ll Lowercase_Letter, Lt Titlecase_Letter, Lm Modifier_Letter, " +
  "Lo Other_Letter, M Mark, M Combining_Mark, Mn Nonspacing_Mark, Mc Spacing_Mark, Me Enclosing_Mark, N Number, " +
  "Nd Decimal_Number, Nl Letter_Number, No Other_Number, P Punctuation, Pc Connector_Punctuation, " +
  "Pd Dash_Punctuation, Ps Open_Punctuation, Pe Close_Punctuation, Pi Initial_Punctuation, Pf Final_Punctuation, " +
  "Po Other_Punctuation, S Symbol, Sm Math_Symbol, Sc Currency_Symbol, Sk Modifier_Symbol, So Other_Symbol, " +
  "Z Separator, Zs Space_Separator, Zl Line_Separator, Zp Paragraph_Separator, C Other, Cc Control, Cf Format, " +
  "Cs Surrogate, Co Private_Use, Cn Unassigned";

/** ISO 15924 codes of the scripts that patterns name in practice. */
const SCRIPT_CODES =
  "Latin Latn, Greek Grek, Cyrillic Cyrl, Armenian Armn, Hebrew Hebr, Arabic Arab, Syriac Syrc, Thaana Thaa, " +
  "Devanagari Deva, Bengali Beng, Gurmukhi Guru, Gujarati Gujr, Oriya Orya, Tamil Taml, Telugu Telu, Kannada Knda, " +
  "Malayalam Mlym, Sinhala Sinh, Thai Thai, Lao Laoo, Tibetan Tibt, Myanmar Mymr, Georgian Geor, Hangul Hang, " +
  "Ethiopic Ethi, Cherokee Cher, Khmer Khmr, Mongolian Mong, Hiragana Hira, Katakana Kana, Bopomofo Bopo, Han Hani, " +
  "Yi Yiii, Common Zyyy, Inherited Zinh";

const union = (...names: string[]): CodePointRanges => unionOf(...names.map(codePointsOf));

/** Names that mean a set of their own, in `\p{..}` and in `[:..:]`. */
const posix: Readonly<Record<string, () => CodePointRanges>> = {
  alnum: () => union("Alphabetic", "Nd"),
  alpha: () => codePointsOf("Alphabetic"),
  ascii: () => codePointsOf("ASCII"),
  blank: () => unionOf(codePointsOf("Zs"), [0x09, 0x09]),
  cntrl: () => codePointsOf("Cc"),
  digit: () => codePointsOf("Nd"),
  graph: () => union("L", "M", "N", "P", "S", "Cf", "Co"),
  lower: () => codePointsOf("Lowercase"),
  print: () => union("L", "M", "N", "P", "S", "Cf", "Co", "Zs"),
  punct: () => union("P", "S"),
  space: () => codePointsOf("White_Space"),
  upper: () => codePointsOf("Uppercase"),
  xdigit: () => codePointsOf("\\h"),
  word: () => codePointsOf("[\\w]"),
};

let aliases: ReadonlyMap<string, string> | undefined;

/** The set of a bracket name such as `alpha`, undefined for none. */
export function posixRanges(name: string): CodePointRanges | undefined {
  return Object.hasOwn(posix, name) ? posix[name]!() : undefined;
}

/** The set of a property name as it stands in `\p{..}`, undefined for one that is not known. */
export function propertyRanges(name: string, inBrackets: boolean): CodePointRanges | undefined {
  const key = normalized(name);
  if (key === "punct") return codePointsOf("P");
  if (key === "word" && !inBrackets) return codePointsOf("\\w");
  aliases ??= collectAliases();
  const known = aliases.get(key);
  return known === undefined ? posixRanges(key) : codePointsOf(known);
}

function collectAliases(): Map<string, string> {
  const names = new Map<string, string>();
  for (const name of classNames()) if (/^\w+$/.test(name)) names.set(normalized(name), name);
  for (const pair of `${LONG_CATEGORIES}, ${SCRIPT_CODES}`.split(", ")) {
    const [name, alias] = pair.split(" ") as [string, string];
    names.set(normalized(alias), name);
  }
  return names;
}

function normalized(name: string): string {
  return name.replace(/[ _-]/g, "").toLowerCase();
}
