import { expect, test } from "vitest";
import { countLetters } from "./count-letters.ts";

test("letters by script, beyond the basic plane too; marks count, digits and signs do not", () => {
  expect(countLetters("Größe 7, x!")).toEqual({ letters: 6, han: 0, kana: 0 });
  expect(countLetters("中文のテスト")).toEqual({ letters: 6, han: 2, kana: 4 });
  expect(countLetters("\u{20000}\u{1D400}🎉")).toEqual({ letters: 2, han: 1, kana: 0 });
});

test("half a pair at the end or before another character is no letter, and hides none", () => {
  expect(countLetters("a\ud83c")).toEqual({ letters: 1, han: 0, kana: 0 });
  expect(countLetters("\ud840a中\udc00b")).toEqual({ letters: 3, han: 1, kana: 0 });
});
