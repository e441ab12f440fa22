import { expect, test } from "vitest";
import { fromOniguruma } from "./oniguruma-regex.ts";
import { UnsupportedTokenizerError } from "./unsupported-tokenizer-error.ts";

const matches = (pattern: string, text: string): string[] => text.match(fromOniguruma(pattern)) ?? [];

test("\\s has Oniguruma's 25 code points, in and out of classes, and \\S is the rest", () => {
  const all = Array.from({ length: 0x10000 }, (_, code) => code).filter((code) => code < 0xd800 || code > 0xdfff);
  const count = (pattern: string): number => matches(pattern, String.fromCharCode(...all.slice(0, 0x5000))).length;
  expect([count("\\s"), count("[\\s]"), count("[^\\s]"), count("\\S")]).toEqual([25, 25, 0x5000 - 25, 0x5000 - 25]);
  expect(matches("\\s", "\u0085\ufeff\u200b")).toEqual(["\u0085"]);
});

test("literals that JavaScript's u mode would refuse are kept literal", () => {
  expect(matches("a}\\'\\_[\\-x]/", "a}'_-/ a}'_x/")).toEqual(["a}'_-/", "a}'_x/"]);
  expect(matches("(?:ab|c)+?(?!d)", "abcd")).toEqual(["ab"]);
  expect(matches("\\P{L}\\p{^L}", "a12b")).toEqual(["12"]);
});

test.each([
  ["\\w+", "\\w"],
  ["\\d", "\\d"],
  ["a\\b", "\\b"],
  ["(?i:'s)", "(?i:"],
  ["(?>a)", "(?>a"],
  ["\\p{L}++", "++"],
  ["a{1,3}+", "{1,3}+"],
  ["a.b", "."],
  ["^a", "^"],
  ["a$", "$"],
  ["[[:alpha:]]", "[["],
  ["[a&&b]", "&&"],
  ["\\p{Han}", "\\p"],
  ["(a)\\1", "\\1"],
  ["[ab", "[ab"],
  ["[]a]", "]a"],
])("%s is refused for its %s", (pattern, construct) => {
  expect(() => fromOniguruma(pattern)).toThrow(UnsupportedTokenizerError);
  expect(() => fromOniguruma(pattern)).toThrow(JSON.stringify(construct).slice(1, -1));
});
