import { describe, expect, test } from "vitest";
import { readCases } from "../test/reference-cases.ts";
import { fromOniguruma } from "./oniguruma-regex.ts";
import { regexMatcher } from "./pre-tokenizers/matchers.ts";
import { splitAt } from "./pre-tokenizers/split-behavior.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

interface Cases {
  readonly patternTexts: readonly string[];
  readonly patterns: readonly { pattern: string; lengths: readonly (readonly number[])[] }[];
}

const { patternTexts, patterns } = readCases<Cases>("pre-tokenizers.cases.json");
const matches = (pattern: string, text: string): string[] => text.match(fromOniguruma(pattern)) ?? [];

/** Lengths in characters of the matches and of what lies between. */
function lengths(pattern: string, text: string): number[] {
  const found: number[] = [];
  const splitter = splitAt(regexMatcher(fromOniguruma(pattern)), "Isolated");
  splitter.split(text, (from, to) => found.push([...text.slice(from, to)].length));
  return found;
}

describe("cuts where Oniguruma cuts", () => {
  test.each(patterns.map(({ pattern, lengths }) => [pattern, lengths] as const))("%s", (pattern, expected) => {
    patternTexts.forEach((text, i) => {
      expect(lengths(pattern, text), text).toEqual(expected[i]);
    });
  });
});

test("\\s has Oniguruma's 25 code points, in and out of classes, and \\S is the rest", () => {
  const text = String.fromCharCode(...Array.from({ length: 0x5000 }, (_, code) => code));
  const count = (pattern: string): number => matches(pattern, text).length;
  expect([count("\\s"), count("[\\s]"), count("[^\\s]"), count("\\S")]).toEqual([25, 25, 0x5000 - 25, 0x5000 - 25]);
});

test("classes are Unicode 16's, whatever the engine knows", () => {
  for (const letter of ["\u{323b0}", "\u{11de0}", "\ua7dc"]) {
    expect(matches("\\p{L}|\\p{N}|[\\p{L}\\p{N}]|(?i:[\\p{L}\\p{N}])", letter)).toEqual(
      letter === "\ua7dc" ? [letter] : [],
    );
    expect(matches("\\p{Cn}", letter)).toEqual(letter === "\ua7dc" ? [] : [letter]);
  }
});

test("an atomic group keeps what it took, and a loop's body may match nothing last", () => {
  expect(matches("(?>a+)a|b", "aaab")).toEqual(["b"]);
  expect(matches("(?>a|ab)c", "abc ac")).toEqual(["ac"]);
  expect(matches("(?:a*b?)+c", "aabac")).toEqual(["aabac"]);
});

test.each([
  ["(a)\\1", "\\1"],
  ["(?<n>a)\\k<n>", "\\k"],
  ["\\Ga", "\\G"],
  ["a\\Kb", "\\K"],
  ["\\X", "\\X"],
  ["\\M-a", "\\M"],
  ["(?~ab)", "(?~a"],
  ["(?W:a)", "(?W:"],
  ["(?P<n>a)", "(?P<"],
  ["(*FAIL)", "(*FA"],
  ["(?<=(?>a))b", "(?>"],
  ["(?<=a++)b", "++"],
  ["(?<!(?=a))b", "(?="],
  ["(?:|a)+", "+"],
  ["(?:a*?)*", "*"],
  ["a{3,1}", "{3,1}"],
  ["\\b+a", "+"],
  ["*a", "*"],
  ["a|?", "?"],
  ["\\p{Klingon}", "\\p{Klingon}"],
  ["\\p{Script=Han}", "\\p{Script=Han}"],
  ["[[:foo:]]", "[:foo:]"],
  ["[\\w-z]", "\\w-z"],
  ["[a-\\d]", "a-\\d"],
  ["[z-a]", "z-a"],
  ["[ab", "[ab"],
  ["[]", "[]"],
  ["(a", "(a"],
  ["a)", ")"],
  ["\\x{110000}", "\\x{110000}"],
  ["a\\", "\\"],
])("%s is refused for its %s", (pattern, construct) => {
  expect(() => fromOniguruma(pattern)).toThrow(UnsupportedTokenizerError);
  expect(() => fromOniguruma(pattern)).toThrow(`got ${JSON.stringify(construct)} at offset`);
});
