/**
 * Oniguruma patterns of tokenizer.json as JavaScript regular expressions.
 *
 * HF tokenizers runs Oniguruma; the two languages agree on most of what tokenizers use, and differ where it hurts:
 * - `\s` holds U+0085 in Oniguruma but not in JavaScript, U+FEFF the other way round: it is written out here;
 * - `\w \d \b`, `.`, `^ $ \A \z`, `(?i:)`, atomic groups, possessive quantifiers, POSIX brackets and `&&` mean something
 *   else or nothing in JavaScript: a pattern with one of these is refused by name rather than run wrongly.
 * `\p{..}` is left to the engine's Unicode tables, which may be a version ahead of Oniguruma's (16).
 */
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

/** Oniguruma's `\s`: 25 code points, in character class syntax. */
const SPACE = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const CATEGORY = /^\\[pP]\{\^?(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cf])\}/;
const LITERAL_ESCAPE = /^\\[\\^$.*+?()[\]{}|/tnrfv-]/;
const GROUP = /^\((?:\?(?::|=|!|<=|<!))?/;
const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/;

/**
 * Translate one pattern to a global, Unicode-aware RegExp.
 * @throws UnsupportedTokenizerError naming the construct that would differ, with its offset.
 */
export function fromOniguruma(pattern: string): RegExp {
  let source = "";
  let at = 0;
  while (at < pattern.length) {
    const [piece, length] = pattern[at] === "[" ? translateClass(pattern, at) : translateItem(pattern, at);
    source += piece;
    at += length;
  }
  return new RegExp(source, "gu");
}

type Piece = readonly [source: string, length: number];

function translateItem(pattern: string, at: number): Piece {
  const rest = pattern.slice(at);
  if (rest.startsWith("\\")) return translateEscape(pattern, at, false);
  if (rest.startsWith("(")) {
    const group = GROUP.exec(rest)![0];
    if (group === "(" && rest[1] === "?") throw refuse(pattern, at, rest.slice(0, 4));
    return [group === "(" ? "(?:" : group, group.length];
  }
  if (".^$".includes(rest[0]!)) throw refuse(pattern, at, rest[0]!);
  const quantifier = QUANTIFIER.exec(rest)?.[0];
  if (quantifier !== undefined) {
    if (/^[+*?{]/.test(rest.slice(quantifier.length))) throw refuse(pattern, at, rest.slice(0, quantifier.length + 1));
    return [quantifier, quantifier.length];
  }
  const char = String.fromCodePoint(rest.codePointAt(0)!);
  return ["{}]/".includes(char) ? `\\${char}` : char, char.length];
}

function translateEscape(pattern: string, at: number, insideClass: boolean): Piece {
  const rest = pattern.slice(at);
  if (rest.startsWith("\\s")) return [insideClass ? SPACE : `[${SPACE}]`, 2];
  if (rest.startsWith("\\S") && !insideClass) return [`[^${SPACE}]`, 2];
  const category = CATEGORY.exec(rest)?.[0];
  if (category !== undefined) return [translateCategory(category), category.length];
  const literal = LITERAL_ESCAPE.exec(rest)?.[0];
  if (literal !== undefined) return [literal === "\\-" && !insideClass ? "-" : literal, 2];
  // Oniguruma reads a backslash before any other mark as the mark itself (\' or \_), JavaScript's u mode refuses it.
  const next = rest.slice(1, 2);
  if (/^[\p{P}\p{S}]$/u.test(next)) return [next, 2];
  throw refuse(pattern, at, rest.slice(0, 2));
}

function translateCategory(category: string): string {
  if (!category.includes("^")) return category;
  return category.replace("^", "").replace(/^\\(.)/, (_, p: string) => (p === "p" ? "\\P" : "\\p"));
}

function translateClass(pattern: string, start: number): Piece {
  let at = start + 1;
  let source = "[";
  if (pattern[at] === "^") {
    source += "^";
    at++;
  }
  for (let isFirst = true; pattern[at] !== "]" || isFirst; isFirst = false) {
    if (at >= pattern.length) throw refuse(pattern, start, pattern.slice(start));
    if (pattern[at] === "[" || pattern[at] === "]" || pattern.startsWith("&&", at)) {
      throw refuse(pattern, at, pattern.slice(at, at + 2));
    }
    const char = String.fromCodePoint(pattern.codePointAt(at)!);
    const [piece, length] = char === "\\" ? translateEscape(pattern, at, true) : ([char, char.length] as const);
    source += piece;
    at += length;
  }
  return [`${source}]`, at + 1 - start];
}

function refuse(pattern: string, offset: number, construct: string): UnsupportedTokenizerError {
  return new UnsupportedTokenizerError({
    op: "parseTokenizer",
    operand: `pre_tokenizer pattern ${JSON.stringify(pattern)}`,
    expected: "constructs that mean the same in Oniguruma and in JavaScript",
    actual: `${JSON.stringify(construct)} at offset ${offset}`,
  });
}
