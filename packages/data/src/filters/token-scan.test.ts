import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { TokenScan } from "./token-scan.ts";

const KINDS = ["symbol", "lone", "number", "word"];
function tokens(scan: TokenScan, text: string): string[] {
  scan.scan(text);
  return Array.from(
    { length: scan.count },
    (_, i) => `${KINDS[scan.kinds[i]!]} ${text.slice(scan.starts[i], scan.ends[i])}`,
  );
}

test.each([
  ["Don't stop-gap it.", ["word Don't", "word stop-gap", "word it", "symbol ."]],
  [
    "U.S. GDP: 3.14 % (-2)",
    ["word U.S", "symbol .", "word GDP", "symbol :", "number 3.14", "lone %", "symbol (-", "number 2", "symbol )"],
  ],
  ["snake_case a--b ...", ["word snake_case", "word a", "symbol --", "word b", "lone ..."]],
  [
    "今天3点，iPhone15很好。",
    ["word 今", "word 天", "number 3", "word 点", "symbol ，", "word iPhone15", "word 很", "word 好", "symbol 。"],
  ],
  ["e\u0301te\u0301 𠀀𠀁😀x", ["word e\u0301te\u0301", "word 𠀀", "word 𠀁", "symbol 😀", "word x"]],
  ["กำลัง", ["word ก", "word ำ", "word ลั", "word ง"]],
  ["", []],
  [" \n\t　", []],
])("%j is cut into words, numbers and symbols", (text, expected) => {
  expect(tokens(new TokenScan(), text)).toEqual(expected);
});

test("equals a regular expression of the same meaning on random texts", () => {
  const unspaced =
    "(?=\\p{L})[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}]";
  const part = `(?!${unspaced})[\\p{L}\\p{M}\\p{N}]`;
  const pattern = new RegExp(`${unspaced}\\p{M}*|${part}(?:['’\\-‐._]?${part})*|(?:(?!${unspaced}|${part})\\S)+`, "gu");
  const pieces = [..."aZ9é٣' ’-._ ,#\n中の々〇ー。𠀀😀กิข\u0301\u200b", "\ud83d", "  "];
  const random = createRandom({ seed: 11 });
  const scan = new TokenScan();
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: random.below(14) }, () => pieces[random.below(pieces.length)]!).join("");
    scan.scan(text);
    const found = Array.from({ length: scan.count }, (_, i) => text.slice(scan.starts[i], scan.ends[i]));
    expect(found, JSON.stringify(text)).toEqual(text.match(pattern) ?? []);
  }
});

test("room for a long text is given back when short ones follow", () => {
  const scan = new TokenScan();
  scan.scan("a ".repeat(1_000_000));
  expect(scan.count).toBe(1_000_000);
  scan.scan("a b");
  expect([scan.count, scan.starts.length < 10_000]).toEqual([2, true]);
});
