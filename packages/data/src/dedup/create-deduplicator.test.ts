import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import { expect, test } from "vitest";
import { type PLANS, plantHan, plantWords } from "../../test/planted.ts";
import type { Document } from "../document.ts";
import { isDropped } from "../stage.ts";
import { createDeduplicator } from "./create-deduplicator.ts";
import type { DedupOptions } from "./dedup-options.ts";
import type { DedupResult } from "./dedup-result.ts";

const documentsOf = (texts: readonly string[]): Document[] => texts.map((text, i) => ({ text, source: `t:${i + 1}` }));

async function search(
  texts: readonly string[],
  options: DedupOptions,
  against: readonly string[] = [],
): Promise<DedupResult> {
  const deduplicator = createDeduplicator(options);
  for (const document of documentsOf(against)) deduplicator.addReference(document);
  for (const document of documentsOf(texts)) deduplicator.add(document);
  expect([deduplicator.documents, deduplicator.references]).toEqual([texts.length, against.length]);
  return deduplicator.finish();
}

const kept = (result: DedupResult): number[] => [...Array(result.count).keys()].filter((i) => result.keep(i));

/** How many of 400 planted pairs lose their second text; no other text may go. */
async function foundOf400(
  similarity: keyof typeof PLANS,
  isHan: boolean,
  options?: Partial<DedupOptions>,
): Promise<number> {
  const pairs = (isHan ? plantHan : plantWords)(400, similarity, 17);
  const texts = [...pairs.map(({ first }) => first), ...pairs.map(({ second }) => second)];
  const result = await search(texts, { mode: "minHash", ...options });
  expect(kept(result).slice(0, 400)).toEqual([...Array(400).keys()]);
  for (let i = 400; i < 800; i++) if (!result.keep(i)) expect(result.clusterOf(i)).toEqual({ kept: i - 400, size: 2 });
  return 800 - kept(result).length;
}

const chance = (s: number): number => 1 - (1 - s ** 8) ** 14;

test.each([false, true])(
  "buckets alone find as many pairs as P = 1 - (1 - s^8)^14 says, Chinese: %s",
  async (isHan) => {
    for (const similarity of [0.5, 0.7, 0.8, 0.9] as const) {
      const p = chance(similarity);
      const margin = 4 * Math.sqrt(400 * p * (1 - p)) + 2; // 4 standard deviations, and 2 for the skew where p is near 1
      const found = await foundOf400(similarity, isHan, { minSimilarity: 0 });
      expect(Math.abs(found - 400 * p), `${found} at ${similarity}`).toBeLessThan(margin);
    }
  },
);

test.each([false, true])("by default, pairs of .9 are found and pairs of .5 stay, Chinese: %s", async (isHan) => {
  expect(await foundOf400(0.9, isHan)).toBeGreaterThanOrEqual(397); // 0.17 misses expected
  expect(await foundOf400(0.5, isHan)).toBe(0);
});

/** Exercises, headings and rows that differ in numbers alone. */
const NUMBERED = {
  exercises: Array.from({ length: 300 }, (_, i) => {
    const [a, b] = [i % 20, Math.floor(i / 20)];
    return `What is ${a} + ${b}? The answer is ${a + b}.`;
  }),
  headings: ["Section 1.2", "Section 3", "Section 12.3", "Section 10", "Section 100"],
  rows: Array.from({ length: 50 }, (_, i) => `${i} ${i * i} ${7 * i}`),
};

test.each(Object.entries(NUMBERED))("numbers tell texts apart, unless they are zeroed: %s", async (_, texts) => {
  const all = [...texts.keys()];
  expect(kept(await search(texts, { mode: "minHash" }))).toEqual(all);
  expect(kept(await search(texts, { mode: "exact", compare: "words" }))).toEqual(all);
  expect(kept(await search([...texts, texts[3]!], { mode: "minHash" }))).toEqual(all);
  expect(kept(await search(texts, { mode: "minHash", numbers: "zero" }))).toEqual([0]);
  expect(kept(await search(texts, { mode: "exact", compare: "words", numbers: "zero" }))).toEqual([0]);
});

test("case, accents and punctuation make no difference, numbers do where they are kept, words do", async () => {
  const text = "In 1998 the café on Main Street sold 40 cups, they say, before it closed its doors.";
  const alike = "in 2001, THE CAFE on main street sold 7 cups they say before it closed its doors";
  const other = "A wholly different sentence about the weather in the mountains and what it does to hikers.";
  expect(kept(await search([text, alike, other], { mode: "minHash", numbers: "zero" }))).toEqual([0, 2]);
  expect(kept(await search([text, alike, other], { mode: "minHash" }))).toEqual([0, 1, 2]);
  const sameNumbers = "in 1998, THE CAFE on main street sold 40 cups they say before it closed its doors";
  expect(kept(await search([text, sameNumbers, other], { mode: "minHash" }))).toEqual([0, 2]);
  expect(kept(await search([text, alike, other], { mode: "exact" }))).toEqual([0, 1, 2]);
  const words = ["A b, c!", "a  B c", "a b d"];
  expect(kept(await search(words, { mode: "exact", compare: "words" }))).toEqual([0, 2]);
});

test("exact: equal up to white space and composition, and only that", async () => {
  const texts = ["caf\u00e9 au lait", " cafe\u0301\n au\tlait ", "Caf\u00e9 au lait", "", " \n", "caf\u00e9 au lait."];
  const result = await search(texts, { mode: "exact" });
  expect(kept(result)).toEqual([0, 2, 3, 5]);
  expect(result.report).toMatchObject({
    name: "dedup.exact",
    documents: 6,
    itemsIn: 6,
    itemsOut: 4,
    clusters: 2,
    largestCluster: 2,
    bytesIn: 13 + 17 + 13 + 0 + 2 + 14,
    bytesOut: 13 + 13 + 0 + 14,
    dropped: { "dedup.exact": 2 },
  });
  expect([...result.clusterSizes()]).toEqual([
    [1, 2],
    [2, 2],
  ]);
  expect(result.bitmap).toEqual(Uint8Array.of(0b101101));
});

test("the longest of a cluster stays when asked for, the first of equally long ones", async () => {
  const texts = ["a b", "x", "a  b ", "a  b\n", "x"];
  const result = await search(texts, { mode: "exact", keep: "longest" });
  expect(kept(result)).toEqual([1, 2]);
  expect(result.clusterOf(3)).toEqual({ kept: 2, size: 3 });
});

test("likeness goes from one to the next: a chain is one cluster", async () => {
  const tokens = Array.from(
    { length: 200 },
    (_, i) => `t${String.fromCharCode(97 + (i % 26), 97 + Math.floor(i / 26))}`,
  );
  const chain = Array.from({ length: 40 }, (_, k) =>
    tokens.map((token, i) => (i < 5 * k ? `z${token}` : token)).join(" "),
  );
  const result = await search(chain, { mode: "minHash" });
  expect(kept(result)).toEqual([0]); // neighbours differ in one place, the ends in everything
  expect(result.clusterOf(39)).toEqual({ kept: 0, size: 40 });
});

test("what is alike to a reference goes, all copies of it, whichever is longest", async () => {
  const against = ["The secret question?", "never seen"];
  const result = await search(
    ["one", "the secret   question?", "The  secret question?", "one"],
    { mode: "exact", keep: "longest" },
    against,
  );
  expect(kept(result)).toEqual([0, 1]);
  expect(result.clusterOf(2)).toEqual({ kept: undefined, size: 1 });
  expect(result.report).toMatchObject({ itemsIn: 4, dropped: { "dedup.exact": 1, "dedup.against": 1 } });
  const [pair] = plantWords(1, 0.9, 4);
  expect(kept(await search([pair!.second, "some other text"], { mode: "minHash" }, [pair!.first]))).toEqual([1]);
});

test("the second pass drops the same documents and says why", async () => {
  const texts = ["a", "b", "a", "c", "a"];
  const result = await search(texts, { mode: "exact" }, ["c"]);
  const stage = result.keepStage();
  const answers = documentsOf(texts).map((document) => stage.process(document));
  expect(stage.position).toBe(5);
  expect(answers.map((answer) => (isDropped(answer) ? answer.reason : answer.text))).toEqual([
    "a",
    "b",
    "dedup.exact",
    "dedup.against",
    "dedup.exact",
  ]);
  expect(answers[2]).toEqual({ reason: "dedup.exact", detail: "document 0 of 3 alike stays" });
  const later = result.keepStage({ from: 3 });
  expect(later.process(documentsOf(texts)[3]!)).toEqual(answers[3]);
});

test("the second pass notices other documents", async () => {
  const texts = ["a", "b"];
  const result = await search(texts, { mode: "exact" });
  const [first, second] = documentsOf(texts);
  expect(() => result.keepStage().process(second!)).toThrow(/keepStage: t:2: expected the document of item 0/);
  expect(() => result.keepStage().process({ ...first!, text: "ab" })).toThrow(StateError);
  const stage = result.keepStage({ from: 2 });
  expect(() => stage.process(first!)).toThrow(/no more than 2 items/);
});

test("lines that occurred before are taken out, short ones and blank ones are not", async () => {
  const header = "Subscribe to our newsletter now";
  const texts = [
    `${header}\n\nshort\nFirst text of its own kind.`,
    `Second text, again unlike it.\n ${header}\nshort\n\n`,
    `${header}\n`,
  ];
  const result = await search(texts, { mode: "exact", unit: "line" });
  const stage = result.keepStage();
  const answers = documentsOf(texts).map((document) => stage.process(document));
  expect(answers[0]).toEqual(documentsOf(texts)[0]);
  expect(answers[1]).toMatchObject({ text: "Second text, again unlike it.\nshort\n\n", source: "t:2" });
  expect(answers[2]).toEqual({ reason: "dedup.exact", detail: "1 of 1 parts occur before" });
  expect(result.report).toMatchObject({ documents: 3, itemsIn: 5, itemsOut: 3 });
});

test("paragraphs end at blank lines, and go as a whole", async () => {
  const footer = "All rights reserved.\nNo copies without leave.";
  const texts = [`One of many texts.\n\n${footer}`, `Another of many texts.\n \n\n${footer}\n\nAn end of its own.\n`];
  const result = await search(texts, { mode: "exact", unit: "paragraph" });
  const stage = result.keepStage();
  const [first, second] = documentsOf(texts).map((document) => stage.process(document));
  expect(first).toMatchObject({ text: texts[0] });
  expect(second).toMatchObject({ text: "Another of many texts.\n \n\nAn end of its own.\n" });
});

test("the same documents give the same result", async () => {
  const pairs = plantWords(100, 0.7, 5);
  const texts = pairs.flatMap(({ first, second }) => [first, second]);
  const [once, again] = [await search(texts, { mode: "minHash" }), await search(texts, { mode: "minHash" })];
  expect(again.bitmap).toEqual(once.bitmap);
  const other = await search(texts, { mode: "minHash", seed: 2 });
  expect(other.bitmap).not.toEqual(once.bitmap);
});

test("no documents at all", async () => {
  const result = await search([], { mode: "minHash" });
  expect([result.count, result.bitmap.length, result.report.itemsOut]).toEqual([0, 0, 0]);
});

test("wrong options and wrong order are refused by name", async () => {
  const create = (options: object) => () => createDeduplicator(options as DedupOptions);
  expect(create({})).toThrow(/createDeduplicator: mode: expected exact or minHash, got nothing/);
  expect(create({ mode: "fuzzy" })).toThrow(/mode: expected "exact" or "minHash", got "fuzzy"/);
  expect(create({ mode: "minHash", bucket: 3 })).toThrow(/Did you mean "buckets"\?/);
  expect(create({ mode: "exact", ngram: 3 })).toThrow(/ngram: expected no such option in mode "exact"/);
  expect(create({ mode: "minHash", unit: "line" })).toThrow(ConfigError);
  expect(create({ mode: "minHash", buckets: 0 })).toThrow(OutOfRangeError);
  expect(create({ mode: "minHash", minSimilarity: 1.5 })).toThrow(/a number in \[0, 1\]/);
  expect(create({ mode: "exact", directory: "/x" })).toThrow(/options: expected known keys, got "directory"/);
  expect(create(undefined as never)).toThrow(/createDeduplicator: options: expected an object, got undefined/);
  expect(create("exact" as never)).toThrow(ConfigError);
  expect(create({ mode: "minHash", numbers: "drop" })).toThrow(/numbers: expected "keep" or "zero", got "drop"/);
  expect(create({ mode: "exact", numbers: "zero" })).toThrow(
    /numbers: expected no such option unless compare is "words"/,
  );
  const deduplicator = createDeduplicator({ mode: "exact" });
  deduplicator.add({ text: "a", source: "s" });
  expect(() => deduplicator.addReference({ text: "a", source: "r" })).toThrow(/r: expected references first/);
  await deduplicator.finish();
  expect(() => deduplicator.add({ text: "a", source: "s" })).toThrow(StateError);
  await expect(deduplicator.finish()).rejects.toThrow(StateError);
});
