import { expect, test } from "vitest";
import { isUnspacedLetter } from "./unspaced-letter.ts";

test("letters, marks and numerals of scripts without spaces, and nothing else", () => {
  const unspaced = [..."深々〇𠀀あカーﾅㄅกາខမ", "\u1031"];
  expect(unspaced.filter((character) => !isUnspacedLetter(character))).toEqual([]);
  const others = [..."a1é한Д。、「๑一２ 😀"].filter((character) => character !== "一");
  expect(others.filter(isUnspacedLetter)).toEqual([]);
});
