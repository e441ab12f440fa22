import { expect, test } from "vitest";
import { WordMerger } from "./merge-word.ts";
import type { Merges } from "./pair-table.ts";

/** Merges over the letters 0 to 2 and their results, in random order of rank. */
function randomMerges(seed: number): Merges {
  let state = seed + 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % bound;
  };
  const pairs = new Set<string>();
  for (let symbols = 3; symbols < 25; symbols++) pairs.add(`${below(symbols)} ${below(symbols)}`);
  const list = [...pairs].map((pair) => pair.split(" ").map(Number));
  return {
    left: Int32Array.from(list, ([left]) => left!),
    right: Int32Array.from(list, ([, right]) => right!),
    result: Int32Array.from(list, (_, rank) => rank + 3),
  };
}

function naive(symbols: readonly number[], { left, right, result }: Merges): number[] {
  let word = [...symbols];
  for (;;) {
    const rankAt = (i: number): number => left.findIndex((a, rank) => a === word[i] && right[rank] === word[i + 1]);
    const ranks = word.map((_, i) => (i + 1 < word.length ? rankAt(i) : -1));
    const possible = ranks.filter((rank) => rank >= 0);
    if (possible.length === 0) return word;
    const at = ranks.indexOf(Math.min(...possible));
    word = [...word.slice(0, at), result[ranks[at]!]!, ...word.slice(at + 2)];
  }
}

test("short and long words merge lowest rank first, leftmost of equals", () => {
  for (let seed = 0; seed < 60; seed++) {
    const merges = randomMerges(seed);
    const merger = new WordMerger(merges);
    for (const length of [0, 1, 2, 3, 39, 40, 41, 42, 150]) {
      const symbols = Array.from({ length }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) % (seed % 2 ? 3 : 2));
      const word = Int32Array.from(symbols);
      const merged = merger.merge(word, length);
      expect([...word.subarray(0, merged)]).toEqual(naive(symbols, merges));
    }
  }
});

test("a pair listed twice has its last rank", () => {
  const merges = { left: Int32Array.of(0, 1, 0), right: Int32Array.of(1, 0, 1), result: Int32Array.of(2, 3, 2) };
  const word = Int32Array.of(0, 1, 0);
  expect(new WordMerger(merges).merge(word, 3)).toBe(2);
  expect([...word.subarray(0, 2)]).toEqual([0, 3]);
});

test("a run of a million symbols is no harder than its length", () => {
  const merges: Merges = {
    left: Int32Array.from({ length: 19 }, (_, i) => i),
    right: Int32Array.from({ length: 19 }, (_, i) => i),
    result: Int32Array.from({ length: 19 }, (_, i) => i + 1),
  };
  const word = new Int32Array(1 << 20);
  expect(new WordMerger(merges).merge(word, word.length)).toBe(2);
  expect([word[0], word[1]]).toEqual([19, 19]);
});
