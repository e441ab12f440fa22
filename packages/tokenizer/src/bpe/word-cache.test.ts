import { expect, test } from "vitest";
import { WordCache } from "./word-cache.ts";

/** Every word that the texts hold, with room to read four bytes from any of their bytes on. */
function withRoom(text: string): { view: DataView; length: number } {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(bytes.length + 8).fill(0xff); // what lies behind must not matter
  padded.set(bytes);
  return { view: new DataView(padded.buffer), length: bytes.length };
}

function idsOf(cache: WordCache, text: string): number[] | undefined {
  const { view, length } = withRoom(text);
  const record = cache.find(view, 0, length);
  if (record === 0) return undefined;
  const at = cache.idsAt(record, length);
  return [...cache.records.subarray(at + 1, at + 1 + cache.records[at]!)];
}

function add(cache: WordCache, text: string, ids: readonly number[]): void {
  const { view, length } = withRoom(text);
  expect(cache.find(view, 0, length)).toBe(0);
  cache.add(view, 0, length, Int32Array.from(ids), ids.length);
}

test("words of any length keep their ids while the table grows", () => {
  const cache = new WordCache();
  const words = Array.from({ length: 20_000 }, (_, i) => `${"x".repeat(i % 9)}${i}${"\0".repeat(i % 4)}`);
  const idsFor = (i: number): number[] => Array.from({ length: i % 5 }, (_, k) => i * 7 + k);
  words.forEach((word, i) => {
    add(cache, word, idsFor(i));
  });
  expect(cache.size).toBe(words.length);
  words.forEach((word, i) => {
    expect(idsOf(cache, word)).toEqual(idsFor(i));
  });
});

test("neither a word's beginning nor its end is taken for it", () => {
  const cache = new WordCache();
  add(cache, "government", [1]);
  for (const other of ["governmen", "governmenu", "Government", "government\0", "gov", "governments"]) {
    expect(idsOf(cache, other)).toBeUndefined();
  }
  expect(idsOf(cache, "government")).toEqual([1]);
});

test("a word is found wherever it stands", () => {
  const cache = new WordCache();
  add(cache, "word", [5, 6]);
  const { view } = withRoom("a word or two");
  expect(cache.find(view, 2, 4)).not.toBe(0);
  expect(cache.find(view, 1, 4)).toBe(0);
});

test("cleared, it knows nothing and learns anew", () => {
  const cache = new WordCache();
  add(cache, "one", [1]);
  cache.clear();
  expect(cache.size).toBe(0);
  expect(idsOf(cache, "one")).toBeUndefined();
  add(cache, "one", [2]);
  expect(idsOf(cache, "one")).toEqual([2]);
});
