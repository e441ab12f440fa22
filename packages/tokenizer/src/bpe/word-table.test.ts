import { expect, test } from "vitest";
import { WordTable } from "./word-table.ts";

const textOf = (table: WordTable, word: number): string => String.fromCharCode(...table.unitsOf(word));

test("words are numbered in order of arrival and found again, in any part of a text", () => {
  const table = new WordTable();
  expect(["ab", "xaby", "", "中"].map((text) => table.add(text, 0, text.length))).toEqual([0, 1, 2, 3]);
  expect([table.add("xaby", 1, 3), table.add("中文", 0, 1), table.add("ab", 1, 1), table.size]).toEqual([0, 3, 2, 4]);
  expect([0, 1, 2, 3].map((word) => textOf(table, word))).toEqual(["ab", "xaby", "", "中"]);
  expect([table.lengthOf(1), table.unitCount]).toEqual([4, 7]);
});

test("many words keep their numbers through growth, hash collisions among them", () => {
  const table = new WordTable();
  const words = Array.from({ length: 300_000 }, (_, i) => `word ${i}`);
  const numbers = words.map((word) => table.add(word, 0, word.length));
  expect(numbers.every((number, i) => number === i)).toBe(true);
  expect(words.every((word, i) => table.add(word, 0, word.length) === i)).toBe(true);
  expect(textOf(table, 299_999)).toBe("word 299999");
});

test("a word is not taken for a longer one that starts with it and has the same hash", () => {
  const inverse = 0x359c449b; // of FNV's prime 0x01000193 modulo 2^32
  expect(Math.imul(inverse, 0x01000193)).toBe(1);
  let found = 0;
  for (let i = 0; i < 500_000; i++) {
    const word = `w${i}`;
    let hash = 0x811c9dc5 | 0;
    for (let j = 0; j < word.length; j++) hash = Math.imul(hash ^ word.charCodeAt(j), 0x01000193);
    const unit = (Math.imul(hash, inverse) ^ hash) >>> 0; // the unit that leaves the hash as it is
    if (unit >= 0x10000) continue;
    const table = new WordTable();
    const longer = word + String.fromCharCode(unit);
    expect([table.add(longer, 0, longer.length), table.add(word, 0, word.length)]).toEqual([0, 1]);
    found++;
  }
  expect(found).toBeGreaterThan(0);
});

test("a cleared table starts from 0", () => {
  const table = new WordTable();
  table.add("a", 0, 1);
  table.clear();
  expect([table.size, table.unitCount, table.add("b", 0, 1), textOf(table, 0)]).toEqual([0, 0, 0, "b"]);
});
