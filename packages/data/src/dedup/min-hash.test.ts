import { expect, test } from "vitest";
import { type PlantedPair, plantHan, plantWords } from "../../test/planted.ts";
import { estimateSimilarity, MinHash } from "./min-hash.ts";
import { Shingler } from "./shingler.ts";

const settings = { buckets: 14, hashesPerBucket: 8, ngram: 5, seed: 1 };

function hashesOf(text: string, ngram: number): number[] {
  const all: number[] = [];
  new Shingler({ ngram }).each(text, (hashes, count) => all.push(...hashes.subarray(0, count)));
  return all;
}

test("shingles are the runs of words, or of characters where most are Han", () => {
  const words = Array.from(
    { length: 10_000 },
    (_, i) => `w${"abcdefghij"[i % 10]}${"klmnop"[i % 6]}${"qrstuvw"[i % 7]}`,
  );
  const runs = (tokens: readonly string[], n: number): string[] =>
    tokens.slice(0, tokens.length - n + 1).map((_, i) => tokens.slice(i, i + n).join(" "));
  const pattern = (keys: readonly (number | string)[]): number[] => {
    const firsts = new Map<number | string, number>();
    for (const [i, key] of keys.entries()) if (!firsts.has(key)) firsts.set(key, i);
    return keys.map((key) => firsts.get(key)!);
  };
  for (const n of [1, 2, 5]) expect(pattern(hashesOf(words.join(" "), n))).toEqual(pattern(runs(words, n)));
  const han = [..."白日依山尽黄河入海流欲穷千里目更上一层楼白日依山尽"];
  expect(pattern(hashesOf(`${han.join("")}。`, 5))).toEqual(pattern(runs(han, 5)));
  expect(hashesOf("one two 白日 three", 2)).toHaveLength(4); // a Han character is a word among words
  expect(hashesOf("ab 白日", 2)).toHaveLength(3); // at half of the characters, all are tokens
});

test("short texts are one shingle, by their words; without words, by the text itself", () => {
  expect(hashesOf("Two words!", 5)).toEqual(hashesOf("two  WORDS", 5));
  expect(hashesOf("two words", 5)).toHaveLength(1);
  expect(hashesOf("two words", 5)).not.toEqual(hashesOf("words two", 5));
  expect(hashesOf("!!", 5)).not.toEqual(hashesOf("??", 5));
  expect(hashesOf("", 5)).toHaveLength(1);
});

test("signatures agree in as many hashes as the similarity says", () => {
  const minHash = new MinHash({ ...settings, buckets: 100, hashesPerBucket: 10 });
  const error = (pair: PlantedPair): number => {
    const first = minHash.signature(pair.first).slice();
    return estimateSimilarity(first, minHash.signature(pair.second)) - pair.similarity;
  };
  for (const plant of [plantWords, plantHan]) {
    for (const similarity of [0.5, 0.7, 0.8, 0.9] as const) {
      const errors = plant(50, similarity, 3).map(error);
      const deviation = Math.sqrt((similarity * (1 - similarity)) / 1000);
      const mean = errors.reduce((sum, value) => sum + value, 0) / errors.length;
      expect(Math.abs(mean)).toBeLessThan((4.5 * deviation) / Math.sqrt(errors.length));
      for (const value of errors) expect(Math.abs(value)).toBeLessThan(5 * deviation);
    }
  }
});

test("a bucket's key tells its hashes, and no other's", () => {
  const minHash = new MinHash({ buckets: 3, hashesPerBucket: 2, ngram: 5, seed: 1 });
  const keysOf = (signature: readonly number[]): number[] => {
    const keys = new Uint32Array(6);
    minHash.bandKeys(Int32Array.from(signature), keys);
    return [...keys];
  };
  const keys = keysOf([1, 2, 3, 4, 1, 2]);
  expect(keys.slice(0, 2)).toEqual(keys.slice(4));
  const changed = keysOf([1, 2, 4, 3, 1, 2]);
  expect(changed.slice(0, 2)).toEqual(keys.slice(0, 2));
  expect(changed[2]).not.toBe(keys[2]);
  expect(changed[3]).not.toBe(keys[3]);
});

test("the seed chooses the hashes, and nothing else does", () => {
  const signature = (seed: number): number[] => [...new MinHash({ ...settings, seed }).signature("a b c d e f g")];
  expect(signature(1)).toEqual(signature(1));
  expect(signature(1).filter((value, i) => value === signature(2)[i])).toHaveLength(0);
});
