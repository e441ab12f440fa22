/**
 * FineWeb's own rules (Penedo et al. 2024, arXiv 2406.17557), with the details as datatrove's
 * FineWebQualityFilter has them.
 *
 * Differs from datatrove: own words (`TokenScan`), white space around a line does not count. Marks that end a line: for
 * English those of FineWeb's release, . ? ! " and ', with ” and ’, so that typeset quotations count as straight ones do;
 * for Chinese and others the lists of terminals.ts. later versions of datatrove count one list
 * of terminal marks of all scripts for every language; `terminals` takes such a list.
 */
import type { Document } from "../document.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import { above, below, ratio } from "./dropped.ts";
import { duplicateLines } from "./duplicate-lines.ts";
import {
  AMOUNT,
  CHARACTERS,
  COUNT,
  type Rule,
  type SettingsByLanguage,
  SHARE,
  settingsOf,
} from "./language-settings.ts";
import { ANY_TERMINALS, CHINESE_TERMINALS, ENGLISH_TERMINALS } from "./terminals.ts";
import { countOf, eachLine } from "./text-lines.ts";
import { TokenScan } from "./token-scan.ts";

/** Bounds of one language; null turns a rule off. Lines are those that are not blank. */
export interface FinewebSettings {
  /** Least share of lines that end with a terminal mark. */
  readonly minTerminalLines: number | null;
  /** The marks that count, in one string. */
  readonly terminals: string | null;
  /** Largest share of short lines. */
  readonly maxShortLines: number | null;
  /** UTF-16 units up to which a line is short. */
  readonly shortLineLength: number | null;
  /** Largest share of characters in lines that equal an earlier one; line ends are not counted. */
  readonly maxDuplicateLineCharacters: number | null;
  /** Largest number of line ends per word or symbol. */
  readonly maxNewlines: number | null;
}

const RULES: Readonly<Record<keyof FinewebSettings, Rule>> = {
  minTerminalLines: SHARE,
  terminals: CHARACTERS,
  maxShortLines: SHARE,
  shortLineLength: COUNT,
  maxDuplicateLineCharacters: SHARE,
  maxNewlines: AMOUNT,
};

/** FineWeb's. */
const ENGLISH: FinewebSettings = {
  minTerminalLines: 0.12,
  terminals: ENGLISH_TERMINALS,
  maxShortLines: 0.67,
  shortLineLength: 30,
  maxDuplicateLineCharacters: 0.01,
  maxNewlines: 0.3,
};

/**
 * FineWeb-2 turns the rule on short lines off for other languages and allows a tenth of duplicated lines; a tenth of
 * lines with a terminal mark is the middle of its measured bounds.
 */
const ANY: FinewebSettings = {
  ...ENGLISH,
  minTerminalLines: 0.1,
  terminals: ANY_TERMINALS,
  maxShortLines: null,
  maxDuplicateLineCharacters: 0.1,
};

/** FineWeb-2's cmn_Hani: .106, and .178 line ends per word, which are .11 per character at 1.6 characters a word. */
const CHINESE: FinewebSettings = { ...ANY, minTerminalLines: 0.106, terminals: CHINESE_TERMINALS, maxNewlines: 0.11 };

/** Lines of code are short, end as they like and repeat; only emptiness says anything. */
const CODE: FinewebSettings = {
  ...ANY,
  minTerminalLines: null,
  maxDuplicateLineCharacters: null,
  maxNewlines: null,
};

/** The settings that `createFineweb` starts from, by language. */
export const FINEWEB_SETTINGS: Readonly<Record<"default" | "en" | "zh" | "code", FinewebSettings>> = {
  default: ANY,
  en: ENGLISH,
  zh: CHINESE,
  code: CODE,
};

/**
 * A stage that drops lists, menus and other texts whose lines are no sentences.
 *
 * Reasons: `fineweb.empty`, `.terminalLines`, `.shortLines`, `.duplicateLineCharacters`, `.newlines`; the first rule
 * that fails is named. Cost: O(length).
 * @throws ConfigError for settings with an unknown name or a wrong value.
 */
export function createFineweb(settings?: SettingsByLanguage<FinewebSettings>): DocumentStage {
  const settingsFor = settingsOf("createFineweb", RULES, FINEWEB_SETTINGS, settings);
  const scan = new TokenScan();
  return {
    name: "fineweb",
    process(document: Document): Document | Dropped {
      const bounds = settingsFor(document);
      const { text } = document;
      return checkLines(text, bounds) ?? checkDuplicates(text, bounds) ?? checkNewlines(text, scan, bounds) ?? document;
    },
  };
}

function checkLines(text: string, bounds: FinewebSettings): Dropped | undefined {
  const { minTerminalLines, terminals, maxShortLines, shortLineLength } = bounds;
  let lines = 0;
  let terminated = 0;
  let short = 0;
  eachLine(text, (from, to) => {
    lines++;
    if (terminals?.includes(text.charAt(to - 1))) terminated++;
    if (shortLineLength !== null && to - from <= shortLineLength) short++;
  });
  if (lines === 0) return { reason: "fineweb.empty" };
  const share = terminated / lines;
  if (minTerminalLines !== null && terminals !== null && share < minTerminalLines) {
    return below("fineweb.terminalLines", share, minTerminalLines);
  }
  const shortShare = short / lines;
  return maxShortLines !== null && shortShare > maxShortLines
    ? above("fineweb.shortLines", shortShare, maxShortLines)
    : undefined;
}

function checkDuplicates(text: string, { maxDuplicateLineCharacters: most }: FinewebSettings): Dropped | undefined {
  if (most === null) return undefined;
  const { duplicateUnits } = duplicateLines(text);
  const share = ratio(duplicateUnits, text.length - countOf(text, "\n"));
  return share > most ? above("fineweb.duplicateLineCharacters", share, most) : undefined;
}

function checkNewlines(text: string, scan: TokenScan, { maxNewlines }: FinewebSettings): Dropped | undefined {
  if (maxNewlines === null) return undefined;
  const newlines = countOf(text, "\n");
  if (newlines === 0) return undefined;
  const share = ratio(newlines, scan.scan(text).count);
  return share > maxNewlines ? above("fineweb.newlines", share, maxNewlines) : undefined;
}
