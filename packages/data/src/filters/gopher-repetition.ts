/**
 * Repetition rules of Gopher (Rae et al. 2021, arXiv 2112.11446, table A1), with the details as datatrove's
 * GopherRepetitionFilter has them: all shares of characters are taken over the whole text.
 *
 * Differs from datatrove: own words (`TokenScan`); blank lines are no lines; white space around a line does not tell
 * it apart; an n-gram that occurs once is never the top n-gram, so very short texts are not dropped for it.
 */
import type { Document } from "../document.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import { above, ratio } from "./dropped.ts";
import { duplicateLines, duplicateParagraphs } from "./duplicate-lines.ts";
import { NGRAM_SHARES, type Rule, type SettingsByLanguage, SHARE, settingsOf } from "./language-settings.ts";
import { NgramIds } from "./ngram-ids.ts";
import { TokenScan } from "./token-scan.ts";

/** The largest share allowed for n-grams of some lengths, such as `{ 2: 0.2, 3: 0.18 }`; n from 1 to 100. */
export type NgramShares = Readonly<Record<number, number>>;

/** Largest shares of one language; null, or an empty object, turns a rule off. */
export interface GopherRepetitionSettings {
  /** Lines that equal an earlier line, over lines. */
  readonly maxDuplicateLines: number | null;
  readonly maxDuplicateParagraphs: number | null;
  /** Characters in such lines, over characters. */
  readonly maxDuplicateLineCharacters: number | null;
  readonly maxDuplicateParagraphCharacters: number | null;
  /** Characters in all occurrences of the most frequent n-gram of words and symbols. */
  readonly topNgrams: NgramShares;
  /** Characters in n-grams that occurred before, without overlap. */
  readonly duplicateNgrams: NgramShares;
}

const RULES: Readonly<Record<keyof GopherRepetitionSettings, Rule>> = {
  maxDuplicateLines: SHARE,
  maxDuplicateParagraphs: SHARE,
  maxDuplicateLineCharacters: SHARE,
  maxDuplicateParagraphCharacters: SHARE,
  topNgrams: NGRAM_SHARES,
  duplicateNgrams: NGRAM_SHARES,
};

/** The paper's own, for any language whose words stand apart. */
const WORDS: GopherRepetitionSettings = {
  maxDuplicateLines: 0.3,
  maxDuplicateParagraphs: 0.3,
  maxDuplicateLineCharacters: 0.2,
  maxDuplicateParagraphCharacters: 0.2,
  topNgrams: { 2: 0.2, 3: 0.18, 4: 0.16 },
  duplicateNgrams: { 5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1 },
};

/**
 * Shares of FineWeb-2's cmn_Hani, measured there over 2- to 10-grams of words; over characters the same stretch of
 * text is 1.6 times as many (a modern Chinese word has 1.6 characters), so n is 3, 5, 6 and 8, 10, 11, 13, 14, 16.
 */
const CHARACTERS: GopherRepetitionSettings = {
  ...WORDS,
  topNgrams: { 3: 0.256, 5: 0.201, 6: 0.171 },
  duplicateNgrams: { 8: 0.198, 10: 0.182, 11: 0.167, 13: 0.154, 14: 0.14, 16: 0.127 },
};

/**
 * Code repeats itself by its grammar: brackets fill lines, and calls begin alike. What is dropped is what repeats by
 * half and more, as generated tables do.
 */
const CODE: GopherRepetitionSettings = {
  maxDuplicateLines: null,
  maxDuplicateParagraphs: 0.5,
  maxDuplicateLineCharacters: 0.5,
  maxDuplicateParagraphCharacters: 0.5,
  topNgrams: { 4: 0.5 },
  duplicateNgrams: { 10: 0.5 },
};

/** The settings that `createGopherRepetition` starts from, by language. */
export const GOPHER_REPETITION_SETTINGS: Readonly<Record<"default" | "en" | "zh" | "code", GopherRepetitionSettings>> =
  {
    default: WORDS,
    en: WORDS,
    zh: CHARACTERS,
    code: CODE,
  };

/**
 * A stage that drops documents that repeat themselves.
 *
 * Reasons: `repetition.duplicateParagraphs`, `.duplicateParagraphCharacters`, `.duplicateLines`,
 * `.duplicateLineCharacters`, then by growing n `.top2Gram` and the like, `.duplicate5Grams` and the like; the first
 * rule that fails is named. Cost: O(length) for each n up to the largest in use, see `NgramIds`.
 * @throws ConfigError for settings with an unknown name or a wrong value.
 */
export function createGopherRepetition(settings?: SettingsByLanguage<GopherRepetitionSettings>): DocumentStage {
  const settingsFor = settingsOf("createGopherRepetition", RULES, GOPHER_REPETITION_SETTINGS, settings);
  const ngrams = new NgramChecker();
  return {
    name: "gopherRepetition",
    process(document: Document): Document | Dropped {
      const bounds = settingsFor(document);
      const { text } = document;
      return checkParagraphs(text, bounds) ?? checkLines(text, bounds) ?? ngrams.check(text, bounds) ?? document;
    },
  };
}

function checkParagraphs(text: string, bounds: GopherRepetitionSettings): Dropped | undefined {
  const { maxDuplicateParagraphs: most, maxDuplicateParagraphCharacters: mostUnits } = bounds;
  if (most === null && mostUnits === null) return undefined;
  const { count, duplicates, duplicateUnits } = duplicateParagraphs(text);
  const share = ratio(duplicates, count);
  if (most !== null && share > most) return above("repetition.duplicateParagraphs", share, most);
  const units = ratio(duplicateUnits, text.length);
  if (mostUnits === null || units <= mostUnits) return undefined;
  return above("repetition.duplicateParagraphCharacters", units, mostUnits);
}

function checkLines(text: string, bounds: GopherRepetitionSettings): Dropped | undefined {
  const { maxDuplicateLines: most, maxDuplicateLineCharacters: mostUnits } = bounds;
  if (most === null && mostUnits === null) return undefined;
  const { count, duplicates, duplicateUnits } = duplicateLines(text);
  const share = ratio(duplicates, count);
  if (most !== null && share > most) return above("repetition.duplicateLines", share, most);
  const units = ratio(duplicateUnits, text.length);
  if (mostUnits === null || units <= mostUnits) return undefined;
  return above("repetition.duplicateLineCharacters", units, mostUnits);
}

/** The rules about n-grams, with the room they need kept from text to text. */
class NgramChecker {
  readonly #tokens = new TokenScan();
  readonly #ids = new NgramIds();

  check(text: string, { topNgrams, duplicateNgrams }: GopherRepetitionSettings): Dropped | undefined {
    const last = Math.max(0, ...Object.keys(topNgrams).map(Number), ...Object.keys(duplicateNgrams).map(Number));
    if (last === 0) return undefined;
    const ids = this.#ids;
    for (ids.start(text, this.#tokens.scan(text)); ; ids.next()) {
      const dropped = this.#checkTop(text, topNgrams[ids.n]) ?? this.#checkDuplicates(text, duplicateNgrams[ids.n]);
      if (dropped !== undefined || ids.n === last || ids.repeated === 0) return dropped;
    }
  }

  #checkTop(text: string, most: number | undefined): Dropped | undefined {
    if (most === undefined) return undefined;
    const { count, at } = this.#ids.top();
    const share = ratio(count * this.#unitsAt(at), text.length);
    return count > 0 && share > most ? above(`repetition.top${this.#ids.n}Gram`, share, most) : undefined;
  }

  #checkDuplicates(text: string, most: number | undefined): Dropped | undefined {
    if (most === undefined) return undefined;
    const share = ratio(this.#ids.duplicateUnits(), text.length);
    return share > most ? above(`repetition.duplicate${this.#ids.n}Grams`, share, most) : undefined;
  }

  /** Units of the n-gram at a token, with one space wherever the text has any between two of its tokens. */
  #unitsAt(at: number): number {
    const { starts, ends } = this.#tokens;
    let units = 0;
    for (let i = at; i < at + this.#ids.n; i++) {
      units += ends[i]! - starts[i]!;
      if (i > at && starts[i]! > ends[i - 1]!) units++;
    }
    return units;
  }
}
