/**
 * Language identification by the library eld (n-grams of bytes, 60 languages), voted over parts of a document.
 *
 * eld answers for the first 380 bytes of what it is given, so a long text is judged by several windows spread over it.
 * Its scores are no probabilities: several languages can have .7 at once. A right answer has .78 on average in English
 * and .75 in Chinese (as eld states); here windows of classical verse, which it knows little of, had .35 to .65. What
 * decides is therefore the share of windows that name one language; scores only tell windows with an answer from those
 * without.
 *
 * Scripts have the first word where they leave no choice: Han without Kana is Chinese, and where a good part of the
 * letters is Han or Kana no other language than Chinese and Japanese is believed (eld's n-grams lean to Latin letters).
 */
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import type { Document } from "../document.ts";
import { requireInteger } from "../require-integer.ts";
import { requireOptions } from "../require-options.ts";
import { shown } from "../require-value.ts";
import type { DocumentStage, Dropped } from "../stage.ts";
import { countLetters, type LetterCounts } from "./count-letters.ts";
import { ratio } from "./dropped.ts";

/** The code of a text whose language is not certain (ISO 639-2). */
export const UNDETERMINED = "und";

/** Which of eld's tables: more memory (37, 54, 71, 138 MB), fewer errors on short texts. */
export type LanguageModelSize = "extrasmall" | "small" | "medium" | "large";

/** How languages are identified, and which are kept. */
export interface LanguageOptions {
  /** Codes (ISO 639-1, or `und`) of languages to keep; documents of others are dropped. Default: all are kept. */
  readonly keep?: readonly string[];
  /** Least share of a document's windows that name its language; below it is `und`. Default .65. */
  readonly minShare?: number;
  /** Least score of eld, in [0, 1), for a window to name a language. Default .45. */
  readonly minScore?: number;
  /** Letters below which a text is too short to tell, a character of Han or Kana counting for three. Default 20. */
  readonly minLetters?: number;
  /** Most windows looked at in one document; the first, the middle and the last suffice where they agree. Default 8. */
  readonly maxWindows?: number;
  /** Identify again what already has a language, too. Default false: it is taken as it is. */
  readonly again?: boolean;
  /** Default `medium`. */
  readonly model?: LanguageModelSize;
}

/** What was found out about a text. */
export interface LanguageResult {
  /** ISO 639-1, or `und`. */
  readonly language: string;
  /** The language that most windows name, even if too few do; empty when none names any. */
  readonly likeliest: string;
  /** Share of the windows looked at that name `likeliest`, in [0, 1]. */
  readonly share: number;
}

/** A stage that gives documents their language. */
export interface LanguageStage extends DocumentStage {
  identify(text: string): LanguageResult;
}

const OP = "createLanguageStage";

type Detector = typeof import("eld/medium")["eld"];

const MODELS: Readonly<Record<LanguageModelSize, () => Promise<{ readonly eld: Detector }>>> = {
  extrasmall: () => import("eld/extrasmall"),
  small: () => import("eld/small"),
  medium: () => import("eld/medium"),
  large: () => import("eld/large"),
};

/**
 * Units in a window of letters and of Han: half of what eld would look at, and more than the short messages (140
 * letters) on which it is right in 99 of 100 cases, as its own measurements say.
 */
const WINDOW = 190;
const DENSE_WINDOW = 64;
/** When so many windows name one language and none another, the rest is not asked. */
const ENOUGH = 3;
/** The lead over the next language that eld itself asks of a reliable answer. */
const MARGIN = 0.01;
/** Shares of Han and Kana in what letters say: no other language from here on; most of it; nothing else worth asking eld. */
const DENSE_SHARE = 0.35;
const HALF = 0.5;
const PURE_SHARE = 0.8;

/**
 * Load eld's table and make a stage that sets `language`: of the document whose windows agree, `und` for short and for
 * mixed texts. With `keep`, others are dropped as `language.other` or `language.undetermined`.
 * @throws ConfigError for an unknown option, a model or a language that eld does not know; OutOfRangeError for a wrong number.
 */
export async function createLanguageStage(options: LanguageOptions = {}): Promise<LanguageStage> {
  requireOptions<LanguageOptions>(OP, options, {
    ...{ keep: "any", minShare: "any", minScore: "any", minLetters: "any", maxWindows: "any" },
    ...{ again: "boolean", model: Object.keys(MODELS) },
  });
  const { minShare = 0.65, minScore = 0.45, minLetters = 20, maxWindows = 8, model = "medium" } = options;
  const settings = { ...options, minShare, minScore, minLetters, maxWindows };
  checkNumbers(settings);
  const detector = (await MODELS[model]()).eld.newInstance();
  detector.enableTextCleanup(true);
  checkKeep(settings.keep, Object.values(detector.info().Languages));
  const identify = (text: string): LanguageResult => identifyBy(detector, text, settings);
  return { name: "language", identify, process: (document) => label(document, identify, settings) };
}

function label(
  document: Document,
  identify: (text: string) => LanguageResult,
  options: LanguageOptions,
): Document | Dropped {
  if (document.language !== undefined && options.again !== true)
    return kept(document, document.language, "given", options);
  const { language, likeliest, share } = identify(document.text);
  const detail = `${likeliest || "no language"} in ${Math.round(100 * share)} % of windows`;
  return kept(document, language, detail, options);
}

function kept(document: Document, language: string, detail: string, { keep }: LanguageOptions): Document | Dropped {
  if (keep !== undefined && !keep.includes(language)) {
    const reason = language === UNDETERMINED ? "language.undetermined" : "language.other";
    return { reason, detail, language };
  }
  return document.language === language ? document : { ...document, language };
}

type Settings = Required<Pick<LanguageOptions, "minShare" | "minScore" | "minLetters" | "maxWindows">>;

function identifyBy(detector: Detector, text: string, settings: Settings): LanguageResult {
  const counts = countLetters(text);
  if (weigh(counts) < settings.minLetters) return { language: UNDETERMINED, likeliest: "", share: 0 };
  const windows = windowsOf(text, counts, settings.maxWindows);
  const { likeliest, votes, asked } = poll(windows, (window) => vote(detector, window, settings.minScore));
  const share = ratio(votes, asked);
  const isCertain = votes > 0 && share >= settings.minShare && isPossible(likeliest, counts, DENSE_SHARE);
  return { language: isCertain ? likeliest : UNDETERMINED, likeliest, share };
}

/** Chinese and Japanese need at least `least` of the letters to be Han or Kana, any other language bears fewer than DENSE_SHARE. */
function isPossible(language: string, counts: LetterCounts, least: number): boolean {
  const share = denseShare(counts);
  return language === "zh" || language === "ja" ? share >= least : share < DENSE_SHARE;
}

/** Ask windows in order until all are asked, or the first few agree. */
function poll(
  windows: readonly Window[],
  ask: (window: Window) => string,
): { likeliest: string; votes: number; asked: number } {
  const counts = new Map<string, number>();
  let best = { likeliest: "", votes: 0, asked: 0 };
  for (const [index, window] of windows.entries()) {
    const language = ask(window);
    const votes = (counts.get(language) ?? 0) + 1;
    counts.set(language, votes);
    best = { ...(language !== "" && votes > best.votes ? { likeliest: language, votes } : best), asked: index + 1 };
    if (best.votes === ENOUGH && best.asked === ENOUGH) break;
  }
  return best;
}

interface Window {
  readonly text: string;
  readonly counts: LetterCounts;
}

/** The language a window names, or nothing. */
function vote(detector: Detector, { text, counts }: Window, minScore: number): string {
  if (denseShare(counts) >= PURE_SHARE && counts.kana === 0) return "zh";
  const result = detector.detect(text);
  const [first = 0, second = 0] = Object.values(result.getScores());
  if (first < minScore || first - second < MARGIN) return "";
  const language = result.language === "ja" && counts.kana === 0 ? "zh" : result.language;
  return isPossible(language, counts, HALF) ? language : "";
}

/** Evenly spread parts of a text that hold a letter, the first and the last at its ends; the whole of a short one. */
function windowsOf(text: string, counts: LetterCounts, most: number): Window[] {
  const length = denseShare(counts) >= PURE_SHARE ? DENSE_WINDOW : WINDOW;
  const count = Math.min(most, Math.max(1, Math.floor(text.length / length)));
  const step = count === 1 ? 0 : (text.length - length) / (count - 1);
  const windows = spreadOrder(count).map((i) =>
    windowOf(text, Math.floor(i * step), count === 1 ? text.length : length),
  );
  return windows.filter(({ counts }) => counts.letters > 0);
}

function windowOf(text: string, from: number, length: number): Window {
  const part = text.slice(from, from + length);
  return { text: part, counts: countLetters(part) };
}

/** 0 to count - 1: the first, the last and the middle one before the others. */
function spreadOrder(count: number): number[] {
  return [...new Set([0, count - 1, count >> 1, ...Array.from({ length: count }, (_, i) => i)])];
}

/** Share of Han and Kana in what letters say. */
function denseShare(counts: LetterCounts): number {
  return ratio(3 * (counts.han + counts.kana), weigh(counts));
}

/** Letters that speak for a language: a character of Han or Kana says as much as three of an alphabet. */
function weigh({ letters, han, kana }: LetterCounts): number {
  return letters + 2 * (han + kana);
}

function checkNumbers({ minShare, minScore, minLetters, maxWindows }: Settings): void {
  checkRange("minShare", minShare, minShare > 0 && minShare <= 1, "a share in (0, 1]");
  checkRange("minScore", minScore, minScore >= 0 && minScore < 1, "a score in [0, 1)");
  requireInteger(OP, "minLetters", minLetters, 0);
  requireInteger(OP, "maxWindows", maxWindows, 1);
}

function checkRange(operand: string, value: number, isAccepted: boolean, expected: string): void {
  if (typeof value === "number" && isAccepted) return;
  throw new OutOfRangeError({ op: OP, operand, expected, actual: shown(value) });
}

function checkKeep(keep: readonly string[] | undefined, known: readonly string[]): void {
  if (keep === undefined) return;
  if (!Array.isArray(keep)) {
    const hint = typeof keep === "string" ? { hint: `Write ["${keep}"].` } : {};
    throw new ConfigError({ op: OP, operand: "keep", expected: "an array of codes", actual: shown(keep), ...hint });
  }
  const codes = [...known, UNDETERMINED, "code"];
  const strangers = keep.filter((language) => !codes.includes(language));
  if (strangers.length === 0) return;
  const expected = `${known.join(", ")}, ${UNDETERMINED} or code`;
  throw new ConfigError({ op: OP, operand: "keep", expected, actual: shown(strangers[0]) });
}
