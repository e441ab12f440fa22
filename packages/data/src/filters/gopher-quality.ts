/**
 * Quality rules of Gopher (Rae et al. 2021, arXiv 2112.11446, appendix A.1), with the details as datatrove's
 * GopherQualityFilter has them: bounds are inclusive.
 *
 * Differs from datatrove: own words (`TokenScan`); shares of words are taken over what stands between spaces, as the
 * paper's words do, so a comma after a word does not count as a word without a letter; blank lines are no lines; stop
 * words match in any case.
 */
import type { Document } from "../document.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import { above, below, ratio } from "./dropped.ts";
import { AMOUNT, COUNT, type Rule, type SettingsByLanguage, SHARE, settingsOf, WORDS } from "./language-settings.ts";
import { countOf, eachLine, endsWithEllipsis } from "./text-lines.ts";
import { LONE_SYMBOL_TOKEN, NUMBER_TOKEN, TokenScan, WORD_TOKEN } from "./token-scan.ts";

/** Bounds of one language; null turns a rule off. A word is a character in scripts without spaces. */
export interface GopherQualitySettings {
  readonly minWords: number | null;
  readonly maxWords: number | null;
  /** Mean length of words, in UTF-16 units. */
  readonly minMeanWordLength: number | null;
  readonly maxMeanWordLength: number | null;
  /** `#` per word; a symbol between spaces counts as a word in this and the other shares of words. */
  readonly maxHashes: number | null;
  /** `...` and `…` per word. */
  readonly maxEllipses: number | null;
  /** Share of lines that begin with `•` or `-`. */
  readonly maxBulletLines: number | null;
  /** Share of lines that end with an ellipsis. */
  readonly maxEllipsisLines: number | null;
  /** Share of words that hold a letter. */
  readonly minAlphabeticWords: number | null;
  /** How many different stop words must occur. */
  readonly minStopWords: number | null;
  readonly stopWords: readonly string[];
}

const RULES: Readonly<Record<keyof GopherQualitySettings, Rule>> = {
  minWords: COUNT,
  maxWords: COUNT,
  minMeanWordLength: AMOUNT,
  maxMeanWordLength: AMOUNT,
  maxHashes: AMOUNT,
  maxEllipses: AMOUNT,
  maxBulletLines: SHARE,
  maxEllipsisLines: SHARE,
  minAlphabeticWords: SHARE,
  minStopWords: COUNT,
  stopWords: WORDS,
};

/** The paper's own. */
const ENGLISH: GopherQualitySettings = {
  minWords: 50,
  maxWords: 100_000,
  minMeanWordLength: 3,
  maxMeanWordLength: 10,
  maxHashes: 0.1,
  maxEllipses: 0.1,
  maxBulletLines: 0.9,
  maxEllipsisLines: 0.3,
  minAlphabeticWords: 0.8,
  minStopWords: 2,
  stopWords: ["the", "be", "to", "of", "and", "that", "have", "with"],
};

/**
 * Any language: no stop words, as none are known. Of FineWeb-2's settings for 1929 languages nine in ten allow words
 * of up to 15 letters and ask for a letter in .7 of the words; short words are normal where characters are counted.
 */
const ANY: GopherQualitySettings = {
  ...ENGLISH,
  minMeanWordLength: null,
  maxMeanWordLength: 15,
  minAlphabeticWords: 0.7,
  minStopWords: null,
  stopWords: [],
};

/**
 * Characters instead of words: a modern Chinese word has 1.6 of them (measured with a segmenter on documentation and
 * on instructions), so counts of words are 1.6 times English's. All words are one long, so their length says nothing.
 */
const CHINESE: GopherQualitySettings = {
  ...ANY,
  minWords: 80,
  maxWords: 160_000,
  maxMeanWordLength: null,
  minAlphabeticWords: 0.8,
};

/**
 * Code: a function can be complete in ten words; `#` begins comments, `-` and `...` are operators, names grow long;
 * half of the tokens are symbols, so only what holds hardly any letters (tables of numbers, encoded data) is dropped.
 */
const CODE: GopherQualitySettings = {
  ...ANY,
  minWords: 10,
  maxMeanWordLength: 20,
  maxHashes: null,
  maxEllipses: null,
  maxBulletLines: null,
  maxEllipsisLines: null,
  minAlphabeticWords: 0.25,
};

/**
 * The settings that `createGopherQuality` starts from, by language.
 */
export const GOPHER_QUALITY_SETTINGS: Readonly<Record<"default" | "en" | "zh" | "code", GopherQualitySettings>> = {
  default: ANY,
  en: ENGLISH,
  zh: CHINESE,
  code: CODE,
};

/**
 * A stage that drops documents whose words and lines do not look like running text.
 *
 * Reasons: `gopher.wordCount`, `.wordLength`, `.hashes`, `.ellipses`, `.bulletLines`, `.ellipsisLines`,
 * `.alphabeticWords`, `.stopWords`; the first rule that fails is named. Cost: one pass over the text, O(length).
 * @throws ConfigError for settings with an unknown name or a wrong value.
 */
export function createGopherQuality(settings?: SettingsByLanguage<GopherQualitySettings>): DocumentStage {
  const settingsFor = settingsOf("createGopherQuality", RULES, GOPHER_QUALITY_SETTINGS, settings);
  const scan = new TokenScan();
  return {
    name: "gopherQuality",
    process(document: Document): Document | Dropped {
      const bounds = settingsFor(document);
      const { text } = document;
      const counts = countWords(scan.scan(text));
      return (
        checkWords(counts, bounds) ??
        checkSymbols(text, counts, bounds) ??
        checkLines(text, bounds) ??
        checkAlphabetic(counts, bounds) ??
        checkStopWords(text, scan, bounds) ??
        document
      );
    },
  };
}

/** Counts over a text's tokens. */
interface WordCounts {
  /** Words, without symbols. */
  readonly words: number;
  /** UTF-16 units in words. */
  readonly units: number;
  /** Words, and symbols that stand between spaces. */
  readonly spaced: number;
  /** Words with a letter. */
  readonly alphabetic: number;
}

function countWords({ count, starts, ends, kinds }: TokenScan): WordCounts {
  let units = 0;
  const byKind = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const kind = kinds[i]!;
    byKind[kind]!++;
    if (kind >= NUMBER_TOKEN) units += ends[i]! - starts[i]!;
  }
  const words = byKind[NUMBER_TOKEN]! + byKind[WORD_TOKEN]!;
  return { words, units, spaced: words + byKind[LONE_SYMBOL_TOKEN]!, alphabetic: byKind[WORD_TOKEN]! };
}

function checkWords({ words, units }: WordCounts, bounds: GopherQualitySettings): Dropped | undefined {
  const { minWords, maxWords, minMeanWordLength: shortest, maxMeanWordLength: longest } = bounds;
  if (minWords !== null && words < minWords) return below("gopher.wordCount", words, minWords, " words");
  if (maxWords !== null && words > maxWords) return above("gopher.wordCount", words, maxWords, " words");
  const length = ratio(units, words);
  if (shortest !== null && length < shortest) return below("gopher.wordLength", length, shortest);
  return longest !== null && length > longest ? above("gopher.wordLength", length, longest) : undefined;
}

function checkSymbols(text: string, { spaced }: WordCounts, bounds: GopherQualitySettings): Dropped | undefined {
  const { maxHashes, maxEllipses } = bounds;
  const hashes = maxHashes === null ? 0 : ratio(countOf(text, "#"), spaced);
  if (maxHashes !== null && hashes > maxHashes) return above("gopher.hashes", hashes, maxHashes);
  if (maxEllipses === null) return undefined;
  const ellipses = ratio(countOf(text, "...") + countOf(text, "…"), spaced);
  return ellipses > maxEllipses ? above("gopher.ellipses", ellipses, maxEllipses) : undefined;
}

function checkLines(text: string, { maxBulletLines, maxEllipsisLines }: GopherQualitySettings): Dropped | undefined {
  if (maxBulletLines === null && maxEllipsisLines === null) return undefined;
  let lines = 0;
  let bullets = 0;
  let ellipses = 0;
  eachLine(text, (from, to) => {
    lines++;
    if (isBullet(text.charCodeAt(from))) bullets++;
    if (endsWithEllipsis(text, to)) ellipses++;
  });
  const bulletShare = ratio(bullets, lines);
  if (maxBulletLines !== null && bulletShare > maxBulletLines)
    return above("gopher.bulletLines", bulletShare, maxBulletLines);
  const share = ratio(ellipses, lines);
  return maxEllipsisLines !== null && share > maxEllipsisLines
    ? above("gopher.ellipsisLines", share, maxEllipsisLines)
    : undefined;
}

function isBullet(unit: number): boolean {
  return unit === 0x2022 || unit === 0x2d;
}

function checkAlphabetic({ alphabetic, spaced }: WordCounts, bounds: GopherQualitySettings): Dropped | undefined {
  const { minAlphabeticWords: least } = bounds;
  const share = ratio(alphabetic, spaced);
  return least !== null && share < least ? below("gopher.alphabeticWords", share, least) : undefined;
}

function checkStopWords(text: string, scan: TokenScan, bounds: GopherQualitySettings): Dropped | undefined {
  const { minStopWords: least, stopWords } = bounds;
  if (least === null) return undefined;
  const found = countStopWords(text, scan, stopWords, least);
  return found < least ? below("gopher.stopWords", found, least) : undefined;
}

/** How many different stop words occur; stops at `enough`. */
function countStopWords(text: string, scan: TokenScan, stopWords: readonly string[], enough: number): number {
  const missing = new Set(stopWords.map((word) => word.toLowerCase()));
  const longest = Math.max(0, ...stopWords.map((word) => word.length));
  let found = 0;
  for (let i = 0; i < scan.count && found < enough; i++) {
    const start = scan.starts[i]!;
    const end = scan.ends[i]!;
    if (end - start <= longest && missing.delete(text.slice(start, end).toLowerCase())) found++;
  }
  return found;
}
