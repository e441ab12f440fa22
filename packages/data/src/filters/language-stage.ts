/**
 * Language identification by the library eld (n-grams of bytes, 60 languages), voted over parts of a document.
 *
 * eld answers for the first 380 bytes of what it is given, so a long text is judged by several windows spread over it.
 * Its scores are no probabilities: several languages can have .7 at once. A right answer has .77 on average in English
 * and .70 in Chinese (as eld states), and classical verse, which it knows little of, .35 to .65. What decides here is
 * therefore the share of windows that name one language; scores only tell windows with an answer from those without.
 */
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import type { Document } from "../document.ts";
import type { DocumentStage, Dropped } from "../stage.ts";

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
  /** Windows looked at in one document. Default 8. */
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
  /** Share of windows that name `likeliest`, in [0, 1]. */
  readonly share: number;
}

/** A stage that gives documents their language. */
export interface LanguageStage extends DocumentStage {
  identify(text: string): LanguageResult;
}

type Detector = typeof import("eld/medium")["eld"];

const MODELS: Readonly<Record<LanguageModelSize, () => Promise<{ readonly eld: Detector }>>> = {
  extrasmall: () => import("eld/extrasmall"),
  small: () => import("eld/small"),
  medium: () => import("eld/medium"),
  large: () => import("eld/large"),
};

/** About the 380 bytes that eld looks at, in one-byte letters and in Han. */
const WINDOW = 380;
const DENSE_WINDOW = 127;
/** The lead over the next language that eld itself asks of a reliable answer. */
const MARGIN = 0.01;
const LETTER = /\p{L}/gu;
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu;

/**
 * Load eld's table and make a stage that sets `language`: of the document whose windows agree, `und` for short and for
 * mixed texts. With `keep`, others are dropped as `language.other` or `language.undetermined`.
 * @throws ConfigError for an unknown model or a language that eld does not know; OutOfRangeError for a wrong number.
 */
export async function createLanguageStage(options: LanguageOptions = {}): Promise<LanguageStage> {
  const settings = {
    minShare: 0.65,
    minScore: 0.45,
    minLetters: 20,
    maxWindows: 8,
    model: "medium" as const,
    ...options,
  };
  checkNumbers(settings);
  const load = Object.hasOwn(MODELS, settings.model) ? MODELS[settings.model] : undefined;
  if (load === undefined) throw refused("model", Object.keys(MODELS).join(", "), settings.model);
  const detector = (await load()).eld.newInstance();
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
  const windows = windowsOf(text, settings.maxWindows);
  if (letters(windows) < settings.minLetters) return { language: UNDETERMINED, likeliest: "", share: 0 };
  const votes = new Map<string, number>();
  for (const window of windows) {
    const language = vote(detector, window, settings.minScore);
    if (language !== "") votes.set(language, (votes.get(language) ?? 0) + 1);
  }
  const [likeliest, most] = [...votes].reduce((best, next) => (next[1] > best[1] ? next : best), ["", 0]);
  const share = most / windows.length;
  return { language: most > 0 && share >= settings.minShare ? likeliest : UNDETERMINED, likeliest, share };
}

function vote(detector: Detector, window: string, minScore: number): string {
  const result = detector.detect(window);
  const [first = 0, second = 0] = Object.values(result.getScores());
  return first >= minScore && first - second >= MARGIN ? result.language : "";
}

/** Evenly spread parts of a text, the first and the last at its ends; the whole of a short one. */
function windowsOf(text: string, most: number): string[] {
  const length =
    (text.slice(0, 10_000).match(DENSE)?.length ?? 0) * 4 > Math.min(text.length, 10_000) ? DENSE_WINDOW : WINDOW;
  const count = Math.min(most, Math.max(1, Math.floor(text.length / length)));
  const step = count === 1 ? 0 : (text.length - length) / (count - 1);
  const parts = Array.from({ length: count }, (_, i) => text.substr(Math.floor(i * step), length));
  const filled = parts.filter((part) => letters([part]) > 0);
  return filled.length > 0 ? filled : parts;
}

/** Letters that speak for a language: a character of Han or Kana says as much as three of an alphabet. */
function letters(parts: readonly string[]): number {
  let count = 0;
  for (const part of parts) count += (part.match(LETTER)?.length ?? 0) + 2 * (part.match(DENSE)?.length ?? 0);
  return count;
}

function checkNumbers({ minShare, minScore, minLetters, maxWindows }: Settings): void {
  checkRange("minShare", minShare, minShare > 0 && minShare <= 1, "a share in (0, 1]");
  checkRange("minScore", minScore, minScore >= 0 && minScore < 1, "a score in [0, 1)");
  checkRange("minLetters", minLetters, Number.isSafeInteger(minLetters) && minLetters >= 0, "an integer >= 0");
  checkRange("maxWindows", maxWindows, Number.isSafeInteger(maxWindows) && maxWindows >= 1, "an integer >= 1");
}

function checkRange(operand: string, value: number, isAccepted: boolean, expected: string): void {
  if (isAccepted) return;
  throw new OutOfRangeError({ op: "createLanguageStage", operand, expected, actual: String(value) });
}

function checkKeep(keep: readonly string[] | undefined, known: readonly string[]): void {
  const stranger = keep?.find(
    (language) => language !== UNDETERMINED && language !== "code" && !known.includes(language),
  );
  if (stranger === undefined) return;
  throw refused("keep", `${known.join(", ")}, ${UNDETERMINED} or code`, stranger);
}

function refused(operand: string, expected: string, actual: string): ConfigError {
  return new ConfigError({ op: "createLanguageStage", operand, expected, actual });
}
