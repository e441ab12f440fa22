/** Bringing texts of many origins into one form, step by step. Pure; each step can be left out. */
import { OutOfRangeError } from "@ds3/errors";
import type { Document } from "./document.ts";
import { type OptionRules, requireOptions } from "./require-options.ts";
import { requireChoice, shown } from "./require-value.ts";
import type { DocumentStage, Dropped } from "./stage.ts";

/** Steps of `normalizeText`, in the order in which they are taken. */
export interface NormalizeOptions {
  /** Surrogates that are no pair become U+FFFD: no file can hold them. Default true. */
  readonly surrogates?: boolean;
  /** CRLF and a lone CR become LF. Default true. */
  readonly lineEnds?: boolean;
  /** Drop control characters (general category Cc) but tab, LF and CR. Default true. */
  readonly controls?: boolean;
  /**
   * Drop U+200B, U+2060 and U+FEFF, the byte order mark too. Joiners (U+200C, U+200D) stay: scripts and emoji need them.
   * Default true.
   */
  readonly zeroWidth?: boolean;
  /** The Unicode normalisation form, or false for none. Default "NFC". */
  readonly form?: "NFC" | "NFD" | "NFKC" | "NFKD" | false;
  /** Drop tabs and spaces of any width at the end of lines. Default true. */
  readonly trailingSpace?: boolean;
  /** The most blank lines kept in a row, or false for all. Default 2. */
  readonly blankLines?: number | false;
}

const RULES: OptionRules<NormalizeOptions> = {
  surrogates: "boolean",
  lineEnds: "boolean",
  controls: "boolean",
  zeroWidth: "boolean",
  form: "any",
  trailingSpace: "boolean",
  blankLines: "any",
};

const LINE_END = /\r\n?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is dropped
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+/g;
const ZERO_WIDTH = /[\u200b\u2060\ufeff]+/g;
/** Tab and general category Zs, the same since Unicode 6.3, whatever the engine has. */
const SPACE = "[\\t \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000]";
const WIDE_SPACE = new RegExp(SPACE);
/** More would be no number of lines for a regular expression. */
const MOST_BLANK = 1000;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * A text in one form: the same again gives no further change.
 *
 * Cost: one pass over the text for each step; a text that needs none comes back as it is.
 * @throws ConfigError for an unknown step or a value that it does not take; OutOfRangeError for `blankLines` below 0.
 */
export function normalizeText(text: string, options: NormalizeOptions = {}): string {
  requireSteps("normalizeText", options);
  return takeSteps(text, options);
}

function takeSteps(text: string, options: NormalizeOptions): string {
  const { surrogates = true, lineEnds = true, controls = true, zeroWidth = true, form = "NFC" } = options;
  const { trailingSpace = true, blankLines = 2 } = options;
  let result = surrogates ? text.replace(LONE_SURROGATE, "\uFFFD") : text;
  if (lineEnds) result = result.replace(LINE_END, "\n");
  if (controls) result = result.replace(CONTROL, "");
  if (zeroWidth) result = result.replace(ZERO_WIDTH, "");
  if (form !== false) result = result.normalize(form);
  if (trailingSpace) result = dropTrailingSpace(result);
  return blankLines === false ? result : limitBlankLines(result, blankLines);
}

/** @throws as `normalizeText`. */
function requireSteps(op: string, options: NormalizeOptions): void {
  requireOptions(op, options, RULES);
  const { form = false, blankLines = 2 } = options;
  if (form !== false) requireChoice(op, "form", form, ["NFC", "NFD", "NFKC", "NFKD"]);
  if (blankLines === false || (Number.isSafeInteger(blankLines) && blankLines >= 0 && blankLines <= MOST_BLANK)) return;
  const expected = `an integer from 0 to ${MOST_BLANK}, or false`;
  throw new OutOfRangeError({ op, operand: "blankLines", expected, actual: shown(blankLines) });
}

/**
 * A stage that normalises texts, and drops those of which nothing is left (`normalize.empty`).
 * @throws as `normalizeText`, at once.
 */
export function createNormalizer(options: NormalizeOptions = {}): DocumentStage {
  requireSteps("createNormalizer", options);
  return {
    name: "normalize",
    process(document: Document): Document | Dropped {
      const text = takeSteps(document.text, options);
      if (text.trim() === "") return { reason: "normalize.empty" };
      return text === document.text ? document : { ...document, text };
    },
  };
}

/** Looks at the ends of lines alone, which is several times as fast as a search for space. */
function dropTrailingSpace(text: string): string {
  let result = "";
  let from = 0;
  for (let at = 0; at <= text.length; ) {
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : text[found - 1] === "\r" ? found - 1 : found;
    let cut = end;
    while (isSpace(text.charCodeAt(cut - 1))) cut--;
    if (cut < end) {
      result += text.slice(from, cut);
      from = end;
    }
    if (found < 0) break;
    at = found + 1;
  }
  return from === 0 ? text : result + text.slice(from);
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09 || (unit >= 0xa0 && WIDE_SPACE.test(String.fromCharCode(unit)));
}

/** Blank lines: those of nothing but the space that a line may end with. */
function limitBlankLines(text: string, most: number): string {
  if (!text.includes("\n")) return text;
  const run = new RegExp(`((?:^|\\n)(?:${SPACE}*\\r?\\n){${most}})(?:${SPACE}*\\r?\\n)+`, "g");
  return text.replace(run, "$1");
}
