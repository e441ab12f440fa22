import { expect, test } from "vitest";
import { isHighSurrogate, isLowSurrogate, isPairAt } from "./surrogates.ts";

test("halves are told from each other and from other units", () => {
  const units = [0x61, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, Number.NaN];
  expect(units.filter(isHighSurrogate)).toEqual([0xd800, 0xdbff]);
  expect(units.filter(isLowSurrogate)).toEqual([0xdc00, 0xdfff]);
});

test("a pair begins where a character of two units does", () => {
  const text = "a😀\ud83d\ude00b\ude00\ud83d";
  const starts = [...text].flatMap((character, i, all) =>
    character.length === 2 ? [all.slice(0, i).join("").length] : [],
  );
  expect([...Array(text.length + 1).keys()].filter((i) => isPairAt(text, i))).toEqual(starts);
});
