/** Near-duplicates in real texts, against similarities counted shingle by shingle. */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import { createDeduplicator } from "../src/dedup/create-deduplicator.ts";
import { estimateSimilarity, MinHash } from "../src/dedup/min-hash.ts";
import { createRandom, type Random } from "../src/random.ts";

const SETS = ["poetry-zh", "sotu", "wiki-demo"];
const files = listDatasets([".jsonl", ".txt"])?.filter((file) => SETS.includes(basename(dirname(file))));
if (files === undefined) skipVisibly("near-duplicates in data sets: no external data sets (set DS3_DATASETS)");

function textsOf(file: string): string[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  return file.endsWith(".txt") ? lines : lines.map((line) => JSON.parse(line).text);
}

const HAN = /\p{Script=Han}/u;

/** The set of 5-grams as strings, from their definition. */
function shinglesOf(text: string): Set<string> {
  const simple = [...text]
    .map((c) =>
      c
        .toLowerCase()
        .normalize("NFD")
        .replace(/\p{Mn}/gu, ""),
    )
    .join("")
    .replace(/[\p{P}\p{S}\p{Cf}]/gu, "")
    .trim();
  const characters = [...simple.replace(/\s/g, "")];
  const isHan = characters.filter((c) => HAN.test(c)).length * 2 >= characters.length;
  const words = simple.split(/\s+/).flatMap((word) => word.match(/\p{Script=Han}|\P{Script=Han}+/gu) ?? []);
  const tokens = isHan ? characters : words;
  if (tokens.length < 5) return new Set([tokens.join(" ")]);
  return new Set(tokens.slice(4).map((_, i) => tokens.slice(i, i + 5).join(" ")));
}

/** Jaccard similarity of every two texts that share a shingle, keys `first * count + second`. */
function similarities(texts: readonly string[]): Map<number, number> {
  const sets = texts.map(shinglesOf);
  const holders = new Map<string, number[]>();
  const shared = new Map<number, number>();
  for (const [second, set] of sets.entries()) {
    for (const shingle of set) {
      const firsts = holders.get(shingle) ?? [];
      for (const first of firsts) {
        const pair = first * texts.length + second;
        shared.set(pair, (shared.get(pair) ?? 0) + 1);
      }
      firsts.push(second);
      holders.set(shingle, firsts);
    }
  }
  for (const [pair, both] of shared) {
    const [a, b] = [sets[Math.floor(pair / texts.length)]!, sets[pair % texts.length]!];
    shared.set(pair, both / (a.size + b.size - both));
  }
  return shared;
}

/** A text with some of its characters replaced: at most `edits`. */
function edit(text: string, edits: number, random: Random): string {
  const characters = [...text];
  for (let i = 0; i < edits; i++) characters[random.below(characters.length)] = HAN.test(text) ? "龘" : "q";
  return characters.join("");
}

for (const file of files ?? []) {
  const name = basename(dirname(file));
  // long speeches make too many pairs of shingles: their first parts do
  const originals = textsOf(file)
    .slice(0, 3000)
    .map((text) => text.slice(0, 8000));
  const random = createRandom({ seed: 1 });
  const copies = originals.slice(0, 300).map((text, i) => edit(text, i % 60, random));
  const texts = [...originals, ...copies];
  const exact = similarities(texts);

  test(`${name}: signatures estimate the true similarity`, () => {
    const minHash = new MinHash({ buckets: 14, hashesPerBucket: 8, ngram: 5, seed: 1 });
    const signatures = texts.map((text) => minHash.signature(text).slice());
    let [pairs, squares] = [0, 0];
    for (const [pair, similarity] of exact) {
      if (similarity < 0.05 || similarity === 1) continue;
      const [a, b] = [signatures[Math.floor(pair / texts.length)]!, signatures[pair % texts.length]!];
      squares += (estimateSimilarity(a, b) - similarity) ** 2 / ((similarity * (1 - similarity)) / 112);
      pairs++;
    }
    expect(pairs).toBeGreaterThan(15);
    expect(Math.sqrt(squares / pairs)).toBeLessThan(1 + 3 / Math.sqrt(pairs)); // in standard deviations of the estimate
  });

  test(`${name}: what is alike is found, and nothing else goes`, async () => {
    const deduplicator = createDeduplicator({ mode: "minHash" });
    for (const [i, text] of texts.entries()) deduplicator.add({ text, source: `${name}:${i}` });
    const result = await deduplicator.finish();
    const mates = new Map<number, number>(); // the greatest similarity to another text of the same cluster
    let [alike, found] = [0, 0];
    for (const [pair, similarity] of exact) {
      const [first, second] = [Math.floor(pair / texts.length), pair % texts.length];
      const isTogether = result.clusterOf(first).kept === result.clusterOf(second).kept;
      if (isTogether) for (const i of [first, second]) mates.set(i, Math.max(mates.get(i) ?? 0, similarity));
      if (similarity < 0.9) continue;
      alike++;
      if (isTogether) found++;
    }
    expect(alike).toBeGreaterThan(3);
    expect(found).toBeGreaterThanOrEqual(alike - Math.max(1, Math.ceil(alike * 0.005)));
    for (let i = 0; i < texts.length; i++) {
      const { size } = result.clusterOf(i);
      if (size > 1)
        expect(mates.get(i), `${name}:${i}`).toBeGreaterThan(0.55); // 0.7 less 3.5 deviations
      else expect(result.keep(i)).toBe(true);
    }
  });
}
