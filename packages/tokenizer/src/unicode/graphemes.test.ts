import { expect, test } from "vitest";
import { graphemeEnd } from "./graphemes.ts";

function graphemes(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += parts.at(-1)!.length) parts.push(text.slice(at, graphemeEnd(text, at)));
  return parts;
}

/** By the rules of UAX 29, whose numbers are given. */
const examples: readonly (readonly [rule: string, parts: readonly string[]])[] = [
  ["3", ["\r\n", "\r", "\r\n"]],
  ["4, 5", ["\n", "\u0301", "a", "\u0000", "\u0301", "\u200b"]],
  ["6", ["ᄀ가", "ᄀ가", "ᄀ각ᆨ"]],
  ["7", ["가ᅡᆨ", "ᅡᅡᆨ", "ᄀ"]],
  ["8", ["각ᆨᆨ", "ᅡ", "각", "ᅡ"]],
  ["9", ["e\u0301\u0323", "a\u200d", "b"]],
  ["9a", ["कि\u0903", "a\u0903"]],
  ["9b", ["\u0600a", "\u0600\u0600中\u0301", "\u0600", "\n"]],
  ["9c", ["क\u094dक", "ख", "क\u093c\u094d\u200dक\u094d", "a"]],
  ["9c, not through a non-joiner", ["क\u200c\u094d", "क"]],
  ["11", ["👩🏽\u200d🚀", "©\u200d©", "a\u200d", "👩"]],
  ["12, 13", ["🇩🇪", "🇫🇷", "🇩"]],
  ["999", ["a", "b", " ", "中", "文", "é", "𝒳"]],
];

test.each(examples)("rule %s", (_, parts) => {
  expect(graphemes(parts.join(""))).toEqual(parts);
});
