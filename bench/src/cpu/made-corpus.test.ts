import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { madeDocuments, writeCorpus } from "./made-corpus.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-made-corpus-"));
afterAll(() => rm(folder, { recursive: true }));

const groups = [
  [Array.from({ length: 200 }, (_, i) => `This is sentence number ${i} of those that there are.`).join(" ")],
  [Array.from({ length: 200 }, (_, i) => `这是第${i}个句子，里面有一些字，长得足够被取用。`).join("")],
];
const options = { bytes: 1_000_000, groups };

test("the same documents for the same seed, a fiftieth of them the one before again, no others equal", () => {
  const documents = [...madeDocuments(options)];
  expect(documents).toEqual([...madeDocuments(options)]);
  expect(documents).not.toEqual([...madeDocuments({ ...options, seed: 2 })]);
  const repeated = documents.filter((text, i) => text === documents[i - 1]);
  expect(repeated.length).toBe(Math.floor(documents.length / 50));
  expect(new Set(documents).size).toBe(documents.length - repeated.length);
  const bytes = documents.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  expect(bytes).toBeLessThan(1_030_000);
});

test("a document is of one group", () => {
  for (const document of madeDocuments({ ...options, bytes: 200_000 }))
    expect(document.includes("sentence")).toBe(!document.includes("句子"));
});

test("what is written is what was made", async () => {
  const { bytes, documents } = await writeCorpus(folder, options);
  const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"));
  const written = lines.map((line) => (JSON.parse(line) as { text: string }).text);
  expect(written).toEqual([...madeDocuments(options)]);
  expect(documents).toBe(written.length);
  expect(bytes).toBe(Buffer.byteLength(written.join("")));
});
