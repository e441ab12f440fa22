/**
 * C4's cleaning (Raffel et al. 2020, arXiv 1910.10683, section 2.2), with the details and the order as datatrove's
 * C4QualityFilter has them: lines are cleaned first, then what is left is judged.
 *
 * Differs from datatrove: own words (`TokenScan`), counted after citations are taken out; typeset quotation marks end
 * lines like straight ones; sentences are counted by `countSentences`. The paper's list of bad words is not part of
 * this filter, as it is not of theirs.
 */
import type { Document } from "../document.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import { countSentences } from "./count-sentences.ts";
import { below } from "./dropped.ts";
import {
  CHARACTERS,
  COUNT,
  type Rule,
  type SettingsByLanguage,
  SWITCH,
  settingsOf,
  WORDS,
} from "./language-settings.ts";
import { hasLongRun } from "./long-run.ts";
import { ANY_TERMINALS, CHINESE_TERMINALS, ENGLISH_TERMINALS } from "./terminals.ts";
import { endsWithEllipsis } from "./text-lines.ts";
import { NUMBER_TOKEN, TokenScan } from "./token-scan.ts";

/** Rules of one language; null, false or an empty list turns a rule off. */
export interface C4Settings {
  /** Take white space off both ends of lines. */
  readonly trimLines: boolean;
  /** Drop lines that hold a run of more characters without a space. */
  readonly maxWordLength: number | null;
  /** Take out citations: [1], [], [edit], [citation needed]. */
  readonly citations: boolean;
  /** Drop lines that end with none of these marks, or with an ellipsis. */
  readonly terminals: string | null;
  /** Drop lines of fewer words. */
  readonly minWordsPerLine: number | null;
  /** Drop the document when a line left holds "lorem ipsum". */
  readonly loremIpsum: boolean;
  /** Drop lines with "javascript". */
  readonly javascript: boolean;
  /** Drop the document when a line left holds a `{`. */
  readonly curlyBracket: boolean;
  /** Drop lines with one of these phrases, in any case. */
  readonly policyPhrases: readonly string[];
  /** Drop the document when fewer sentences are left. */
  readonly minSentences: number | null;
}

/** Why a line was dropped. */
export type C4LineReason = "wordLength" | "terminal" | "wordsPerLine" | "javascript" | "policy";

/** What to be told while cleaning. */
export interface C4Options {
  /** Called for every line that is dropped, blank lines included (`terminal` or `wordsPerLine`). */
  readonly onLine?: (reason: C4LineReason, line: string, document: Document) => void;
}

const RULES: Readonly<Record<keyof C4Settings, Rule>> = {
  trimLines: SWITCH,
  maxWordLength: COUNT,
  citations: SWITCH,
  terminals: CHARACTERS,
  minWordsPerLine: COUNT,
  loremIpsum: SWITCH,
  javascript: SWITCH,
  curlyBracket: SWITCH,
  policyPhrases: WORDS,
  minSentences: COUNT,
};

/** C4's, as datatrove has it. */
const ENGLISH: C4Settings = {
  trimLines: true,
  maxWordLength: 1000,
  citations: true,
  terminals: ENGLISH_TERMINALS,
  minWordsPerLine: 3,
  loremIpsum: true,
  javascript: true,
  curlyBracket: true,
  policyPhrases: ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"],
  minSentences: 5,
};

const ANY: C4Settings = { ...ENGLISH, terminals: ANY_TERMINALS };

/** Three words are five characters, at 1.6 characters a word; the phrases are those of Chinese pages' footers. */
const CHINESE: C4Settings = {
  ...ENGLISH,
  terminals: CHINESE_TERMINALS,
  minWordsPerLine: 5,
  policyPhrases: [
    ...ENGLISH.policyPhrases,
    "使用条款",
    "使用條款",
    "隐私政策",
    "隱私政策",
    "使用cookie",
    "使用 cookie",
  ],
};

/** A line taken out, or a `[0]`, breaks a program: code passes as it is, unless it is filler. */
const CODE: C4Settings = {
  trimLines: false,
  maxWordLength: null,
  citations: false,
  terminals: null,
  minWordsPerLine: null,
  loremIpsum: true,
  javascript: false,
  curlyBracket: false,
  policyPhrases: [],
  minSentences: null,
};

/** The settings that `createC4` starts from, by language. */
export const C4_SETTINGS: Readonly<Record<"default" | "en" | "zh" | "code", C4Settings>> = {
  default: ANY,
  en: ENGLISH,
  zh: CHINESE,
  code: CODE,
};

const CITATION = /\[\d*\]|\[edit\]|\[citation needed\]/g;

/**
 * A stage that takes out lines which are no sentences, and drops documents of which too little is left.
 *
 * Reasons: `c4.loremIpsum`, `c4.curlyBracket`, `c4.sentences`. A document that keeps all of its text is passed on as
 * it came. Cost: O(length).
 * @throws ConfigError for settings with an unknown name or a wrong value.
 */
export function createC4(settings?: SettingsByLanguage<C4Settings>, options: C4Options = {}): DocumentStage {
  const settingsFor = settingsOf("createC4", RULES, C4_SETTINGS, settings);
  const cleaner = new LineCleaner(options);
  return { name: "c4", process: (document) => cleaner.process(document, settingsFor(document)) };
}

class LineCleaner {
  readonly #onLine: C4Options["onLine"];
  readonly #scan = new TokenScan();

  constructor({ onLine }: C4Options) {
    this.#onLine = onLine;
  }

  process(document: Document, settings: C4Settings): Document | Dropped {
    const rules = rulesThatCanApply(settings, document.text);
    const kept: string[] = [];
    let sentences = 0;
    for (const raw of document.text.split("\n")) {
      const line = this.#clean(raw, rules);
      const reason = this.#judge(line, raw, rules);
      if (reason === "loremIpsum" || reason === "curlyBracket") return { reason: `c4.${reason}` };
      if (reason !== undefined) {
        this.#onLine?.(reason, raw, document);
        continue;
      }
      if (settings.minSentences !== null) sentences += countSentences(line);
      kept.push(line);
    }
    const { minSentences } = settings;
    if (minSentences !== null && sentences < minSentences) return below("c4.sentences", sentences, minSentences);
    return withText(document, kept, settings.trimLines);
  }

  #clean(raw: string, { trimLines, citations }: C4Settings): string {
    const line = trimLines ? raw.trim() : raw;
    return citations && line.includes("[") ? line.replace(CITATION, "") : line;
  }

  /** Why the line, or the document with it, goes; the order of the rules is C4's. */
  #judge(line: string, raw: string, rules: C4Settings): C4LineReason | "loremIpsum" | "curlyBracket" | undefined {
    const { maxWordLength, terminals, minWordsPerLine } = rules;
    if (maxWordLength !== null && hasLongRun(raw, maxWordLength)) return "wordLength";
    if (terminals !== null && !isTerminated(line, terminals)) return "terminal";
    if (minWordsPerLine !== null && !this.#hasWords(line, minWordsPerLine)) return "wordsPerLine";
    const lower = rules.loremIpsum || rules.javascript || rules.policyPhrases.length > 0 ? line.toLowerCase() : "";
    if (rules.loremIpsum && lower.includes("lorem ipsum")) return "loremIpsum";
    if (rules.javascript && lower.includes("javascript")) return "javascript";
    if (rules.curlyBracket && line.includes("{")) return "curlyBracket";
    return rules.policyPhrases.some((phrase) => lower.includes(phrase)) ? "policy" : undefined;
  }

  #hasWords(line: string, least: number): boolean {
    const { count, kinds } = this.#scan.scan(line);
    let words = 0;
    for (let i = 0; i < count && words < least; i++) if (kinds[i]! >= NUMBER_TOKEN) words++;
    return words >= least;
  }
}

/** The rules without those that look for something the whole text does not hold: lines need not look for it again. */
function rulesThatCanApply(settings: C4Settings, text: string): C4Settings {
  const lower = text.toLowerCase();
  return {
    ...settings,
    citations: settings.citations && text.includes("["),
    loremIpsum: settings.loremIpsum && lower.includes("lorem ipsum"),
    javascript: settings.javascript && lower.includes("javascript"),
    curlyBracket: settings.curlyBracket && text.includes("{"),
    policyPhrases: settings.policyPhrases
      .map((phrase) => phrase.toLowerCase())
      .filter((phrase) => lower.includes(phrase)),
  };
}

function isTerminated(line: string, terminals: string): boolean {
  const { length } = line.trimEnd();
  return length > 0 && terminals.includes(line.charAt(length - 1)) && !endsWithEllipsis(line, length);
}

function withText(document: Document, lines: readonly string[], trim: boolean): Document {
  const text = lines.join("\n");
  const cleaned = trim ? text.trim() : text;
  return cleaned === document.text ? document : { ...document, text: cleaned };
}
