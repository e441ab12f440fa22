import { expect, test } from "vitest";
import { byHash, bytesOf, cutLong, selectTexts } from "./select-texts.ts";

const numbered = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, i) => `${i} `.repeat(length).slice(0, length));

test("the order goes by the texts alone, and each comes once", () => {
  const texts = numbered(50, 10);
  const ordered = byHash([...texts, ...texts]);
  expect(ordered).toEqual(byHash(texts.toReversed()));
  expect(ordered.toSorted()).toEqual(texts.toSorted());
  expect(ordered).not.toEqual(texts);
  const more = byHash([...texts, "one more"]);
  expect(more.filter((text) => text !== "one more")).toEqual(ordered);
});

test("as many bytes as asked for, to a piece, in pieces of 4,096 to 32,768 units", () => {
  const chosen = selectTexts([...numbered(400, 500), "x".repeat(100_000)], 150_000);
  expect(bytesOf(chosen)).toBeGreaterThanOrEqual(150_000);
  expect(bytesOf(chosen)).toBeLessThan(150_000 + 32_768 + 2 * 400);
  for (const text of chosen.slice(0, -1)) {
    expect(text.length).toBeGreaterThanOrEqual(4096);
    expect(text.length).toBeLessThanOrEqual(4096 + 32_768 + 2);
  }
});

test("what is less than asked for is taken whole, short texts with blank lines between", () => {
  expect(selectTexts(["alone"], 1000)).toEqual(["alone"]);
  expect(selectTexts(["a", "b", "c"], 1000)[0]!.split("\n\n").toSorted()).toEqual(["a", "b", "c"]);
  expect(selectTexts([], 1000)).toEqual([]);
});

test("long texts are cut at line ends, others before 32,769 units and never within a character", () => {
  const lines = "line of a text\n".repeat(5000);
  expect(cutLong(lines).join("")).toBe(lines);
  for (const part of cutLong(lines)) expect(part.endsWith("\n")).toBe(true);
  const pairs = `x${"😀".repeat(40_000)}`;
  expect(cutLong(pairs).join("")).toBe(pairs);
  for (const part of cutLong(pairs)) {
    expect(part).not.toMatch(/\p{Surrogate}/u);
    expect(part.length).toBeLessThanOrEqual(32_768);
  }
});
