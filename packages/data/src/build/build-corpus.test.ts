import { existsSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FormatError, StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { byteEncoder, plainText, textOfIds, writeBuildFiles } from "../../test/build-files.ts";
import { EmptyDataError } from "../empty-data-error.ts";
import { FolderLockedError } from "../folder-lock.ts";
import { openShards } from "../shards/open-shards.ts";
import { DiskFullError } from "../shards/shard-errors.ts";
import type { BuildConfig } from "./build-config.ts";
import { buildCorpus } from "./build-corpus.ts";

const encoder = byteEncoder();

async function textsOf(out: string): Promise<{ text: string; corpus: string; weight: number }[]> {
  const texts = [];
  for await (const { ids, corpus, weight } of (await openShards(out, { verify: "open" })).documents()) {
    texts.push({ text: textOfIds(ids), corpus, weight });
  }
  return texts;
}

/** Begin a build and stop it. */
async function stopAtOnce(config: BuildConfig): Promise<void> {
  const abort = new AbortController();
  const run = { encoder, onProgress: () => abort.abort(), signal: abort.signal };
  expect(await buildCorpus(config, run)).toBe(undefined);
}

test("files to shards: every good document once in the mix of its source, every bad record kept aside", async () => {
  const config = writeBuildFiles(temporaryFolder(), 400);
  const report = (await buildCorpus(config, { encoder }))!;
  const texts = await textsOf(config.out);
  const ofLines = texts.filter(({ corpus }) => corpus === "lines").map(({ text }) => text);
  expect(ofLines).toEqual(Array.from({ length: 400 }, (_, i) => plainText(i)));
  const ofTable = texts.filter(({ corpus }) => corpus === "table");
  expect(ofTable.every(({ weight }) => weight === 2)).toBe(true);
  expect(new Set(ofTable.map(({ text }) => text)).size).toBe(100);
  expect(ofTable.length).toBeGreaterThan(120);
  expect(ofTable.length).toBeLessThan(180);

  const rejects = readFileSync(join(config.out, "rejects.jsonl"), "utf8").trim().split("\n");
  expect(rejects.map((line) => JSON.parse(line).line)).toEqual([6, 53]);
  expect(JSON.parse(rejects[0]!).text).toBe('{"text": "cut off');
  expect(report.rejects).toBe(2);
  expect(JSON.parse(readFileSync(join(config.out, "report.json"), "utf8"))).toEqual(report);
  expect(existsSync(`${config.out}.work`)).toBe(false);
});

test("the report adds up from stage to stage", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 400), partUnits: 20_000 };
  const { stages, sources, encoding, shards, tokenLengths } = (await buildCorpus(config, { encoder }))!;
  expect(stages.map(({ name }) => name)).toEqual([
    "read",
    "normalize",
    "gopherRepetition",
    "gopherQuality",
    "dedup.exact",
    "dedup.minHash",
    "encode",
  ]);
  for (const [i, stage] of stages.slice(0, -1).entries()) {
    const dropped = Object.values(stage.dropped).reduce((sum, count) => sum + count, 0);
    expect(stage.documentsIn - dropped).toBe(stage.documentsOut);
    if (i > 0)
      expect([stage.documentsIn, stage.bytesIn]).toEqual([stages[i - 1]!.documentsOut, stages[i - 1]!.bytesOut]);
  }
  const kept = stages[5]!;
  expect(sources.reduce((sum, source) => sum + source.documentsKept, 0)).toBe(kept.documentsOut);
  expect(sources.reduce((sum, source) => sum + source.bytesKept, 0)).toBe(kept.bytesOut);
  expect(sources.reduce((sum, source) => sum + source.tokens, 0)).toBe(shards.tokens);
  expect(sources.reduce((sum, source) => sum + source.tokenShare, 0)).toBeCloseTo(1, 12);
  expect(tokenLengths.reduce((sum, { count }) => sum + count, 0)).toBe(encoding.documents);
  expect(stages[4]!.dropped).toEqual({ "dedup.exact": 1 });
  expect(stages[4]!.samples[0]!.before).toBe(plainText(3));
  expect(encoding.fimDocuments / encoding.documents).toBeGreaterThan(0.05);
  expect(encoding.fimDocuments / encoding.documents).toBeLessThan(0.15);
  expect(encoding.splitTokens).toBeGreaterThan(100);
});

test("weights are shares of the text", async () => {
  const { sources, ...config } = writeBuildFiles(temporaryFolder(), 800);
  const mixed: BuildConfig = {
    ...config,
    sources: sources.map(({ repeat: _repeat, ...source }) => source),
    mix: { weights: { lines: 1, table: 1, texts: 0 } },
  };
  const report = (await buildCorpus(mixed, { encoder }))!;
  const [lines, table, texts] = report.sources;
  expect(lines!.tokenShare).toBeGreaterThan(0.46);
  expect(lines!.tokenShare).toBeLessThan(0.54);
  expect(table!.repeat).toBeGreaterThan(2);
  expect(texts).toMatchObject({ documents: 0, tokens: 0, tokenShare: 0, documentsKept: 5 });
  const corpora = (await textsOf(config.out)).map(({ corpus }) => corpus);
  const half = corpora.slice(0, corpora.length / 2).filter((corpus) => corpus === "table").length;
  expect(half / (corpora.length / 2)).toBeCloseTo(0.5, 1); // mixed throughout, not one after the other
});

test("an old source is replayed into a new one, and its documents' weight is theirs alone", async () => {
  const { sources, ...config } = writeBuildFiles(temporaryFolder(), 800);
  const [lines, table] = sources.map(({ repeat: _repeat, ...source }) => source);
  const replayed = { ...config, sources: [lines!, table!], mix: { replay: { source: "table", ratio: 0.1 } } };
  const report = (await buildCorpus(replayed, { encoder }))!;
  expect(report.sources.map(({ documents }) => documents)[0]).toBe(800);
  expect(report.sources[1]!.tokenShare).toBeGreaterThan(0.09);
  expect(report.sources[1]!.tokenShare).toBeLessThan(0.11);
  for (const { corpus, weight } of await textsOf(config.out)) expect(weight).toBe(corpus === "table" ? 2 : 1);
});

test("texts that are there are mixed and encoded otherwise without reading a source again", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 100), work: join(temporaryFolder(), "work") };
  await buildCorpus(config, { encoder, keepWork: true });
  const stages = new Set<string>();
  const other = { ...config, out: `${config.out}2`, fimRate: 0 };
  const onProgress = ({ stage }: { stage: string }): void => void stages.add(stage);
  const report = (await buildCorpus(other, { encoder, onProgress }))!;
  expect([...stages]).toEqual(["encode"]);
  expect(report.encoding.fimDocuments).toBe(0);
  expect((await textsOf(other.out)).map(({ text }) => text)).toEqual(
    (await textsOf(config.out)).map(({ text }) => text),
  );
  expect(existsSync(config.work)).toBe(false);
});

test("without any stage texts come as they are", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.txt"), "one \r\n\r\n\r\n\r\n");
  const bare = { normalize: false, language: false, filters: { gopherRepetition: false, gopherQuality: false } };
  const dedup = { exact: false, minHash: false };
  const out = join(folder, "out");
  const config = {
    ...bare,
    dedup,
    out,
    fimRate: 0,
    splitRate: 0,
    sources: [{ name: "a", paths: join(folder, "a.txt") }],
  };
  const report = await buildCorpus(config, { encoder });
  expect(report!.stages.map(({ name }) => name)).toEqual(["read", "encode"]);
  expect((await textsOf(out)).map(({ text }) => text)).toEqual(["one \r\n\r\n\r\n\r\n"]);
});

test("a finished build gives its report again, and refuses another config", async () => {
  const config = writeBuildFiles(temporaryFolder(), 40);
  const report = await buildCorpus(config, { encoder });
  expect(await buildCorpus(config, { encoder })).toEqual(report);
  const other = buildCorpus({ ...config, seed: 4 }, { encoder });
  await expect(other).rejects.toThrow(/seed: expected 3, as in .*report\.json, got 4/);
  await expect(buildCorpus(config, { encoder: { ...encoder, name: "other" } })).rejects.toThrow(
    /encoder: expected "bytes"/,
  );
});

test("a folder has one build at a time", async () => {
  const config = writeBuildFiles(temporaryFolder(), 40);
  let second: Promise<unknown> | undefined;
  const onProgress = (): void => {
    second ??= buildCorpus(config, { encoder }).catch((error: unknown) => error);
  };
  const report = await buildCorpus(config, { encoder, onProgress });
  expect(FolderLockedError.is(await second)).toBe(true);
  expect(await buildCorpus(config, { encoder })).toEqual(report);
});

test("stopped by its signal it returns nothing and leaves what the next call goes on from", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 400), partUnits: 5000 };
  const stages: string[] = [];
  for (let stops = 0; ; stops++) {
    const abort = new AbortController();
    const onProgress = ({ stage }: { stage: string }): void => {
      if (!stages.includes(stage)) abort.abort();
      if (!stages.includes(stage)) stages.push(stage);
    };
    const report = await buildCorpus(config, { encoder, onProgress, signal: abort.signal });
    expect(existsSync(`${config.out}.work`)).toBe(report === undefined);
    if (report !== undefined) break;
    expect(stops).toBeLessThan(10);
  }
  expect(stages).toEqual(["clean", "dedup.exact", "dedup.minHash", "keep", "encode"]);
  const lines = (await textsOf(config.out)).filter(({ corpus }) => corpus === "lines");
  expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 400 }, (_, i) => plainText(i)));
});

test("files that have changed since the build began are noticed", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 40), partUnits: 1000 };
  await stopAtOnce(config);
  const path = (config.sources[1]!.paths as string[])[0]!;
  utimesSync(path, 1, 1);
  const failure = await buildCorpus(config, { encoder }).catch((error: unknown) => error);
  expect(StateError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain(path);
});

test.skipIf(!existsSync("/dev/full"))(
  "a full disk stops the build by name, and it goes on when there is space",
  async () => {
    const config = writeBuildFiles(temporaryFolder(), 40);
    await stopAtOnce(config);
    const clean = join(`${config.out}.work`, "clean");
    symlinkSync("/dev/full", join(clean, "part-00000.jsonl.tmp"));
    const failure = await buildCorpus(config, { encoder }).catch((error: unknown) => error);
    expect(DiskFullError.is(failure)).toBe(true);
    expect((failure as Error).message).toContain(join(clean, "part-00000.jsonl"));
    await buildCorpus(config, { encoder }); // the failed part took its temporary file with it
    const lines = (await textsOf(config.out)).filter(({ corpus }) => corpus === "lines");
    expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 40 }, (_, i) => plainText(i)));
  },
);

test("a bad record stops the build when asked to, and nothing is lost of what was read before", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 40), badRecords: "stop" as const };
  await expect(buildCorpus(config, { encoder })).rejects.toThrow(/a\.jsonl:6/);
  expect(readdirSync(config.out)).toEqual([]);
});

test("a source without a document is an error that names it; a blank file beside others is not", async () => {
  const folder = temporaryFolder();
  const { sources, ...config } = writeBuildFiles(folder, 40);
  writeFileSync(join(folder, "in", "texts", "9.txt"), " \n");
  expect((await buildCorpus({ ...config, sources }, { encoder }))!.sources[2]!.documents).toBe(5);
  const blank = { name: "blank", paths: join(folder, "in", "texts", "9.txt") };
  const failure = await buildCorpus({ ...config, out: join(folder, "o2"), sources: [blank] }, { encoder }).catch(
    (e) => e,
  );
  expect(EmptyDataError.is(failure)).toBe(true);
  expect(failure.message).toContain('source "blank"');
});

test("the largest seed is one", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 40), partUnits: 1000, seed: Number.MAX_SAFE_INTEGER };
  expect((await buildCorpus(config, { encoder }))!.sources[0]!.documents).toBe(40);
});

const cursor =
  '{"source":0,"file":0,"documents":0,"rejects":0,"sourceDocuments":0,"sourceRejects":0,"firstReject":"","totalDocuments":0,"totalBytes":0}';
const torn: [string, string][] = [
  ["clean.json", '{"version":1}'],
  ["clean.json", '{"version":1,"complete":false,"cursor":{},"parts":[],"reports":[],"lengths":[]}'],
  ["clean.json", `{"version":1,"complete":false,"cursor":${cursor},"parts":[null],"reports":[],"lengths":[]}`],
  ["clean.json", `{"version":1,"complete":false,"cursor":${cursor},"parts":[],"lengths":[]}`],
  ["clean.json", `{"version":1,"cursor":${cursor},"parts":[],"reports":[],"lengths":[]}`],
  ["build.json", '{"format":"ds3-build-work","version":1}'],
  ["build.json", '{"format":"ds3-build-work","version":1,"settings":{},"files":[5]}'],
];
test.each(torn)("a state that is damaged is named: %s of %s", async (name, content) => {
  const config = { ...writeBuildFiles(temporaryFolder(), 40), partUnits: 1000 };
  await stopAtOnce(config);
  const path = join(`${config.out}.work`, name);
  writeFileSync(path, content);
  const failure = await buildCorpus(config, { encoder }).catch((error: unknown) => error);
  expect(FormatError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain(path);
});

test("a report that is damaged is named", async () => {
  const config = writeBuildFiles(temporaryFolder(), 40);
  await buildCorpus(config, { encoder });
  writeFileSync(join(config.out, "report.json"), '{"version":1}');
  await expect(buildCorpus(config, { encoder })).rejects.toThrow(/report\.json: expected .*, got no report of a build/);
});

test("a build that drops everything is an error that says what dropped how many", async () => {
  const folder = temporaryFolder();
  const lines = Array.from({ length: 7 }, (_, i) => JSON.stringify({ text: i < 5 ? `word ${i}` : "\0" }));
  writeFileSync(join(folder, "a.jsonl"), `${lines.join("\n")}\n`);
  const config = {
    out: join(folder, "out"),
    language: false,
    sources: [{ name: "a", paths: join(folder, "a.jsonl") }],
  };
  const failure = await buildCorpus(config, { encoder }).catch((error: unknown) => error);
  expect(EmptyDataError.is(failure)).toBe(true);
  const { message } = failure as Error;
  expect(message).toMatch(
    /none of 7: normalize dropped 2 \(normalize\.empty 2\); gopherQuality dropped 5 \(gopher\w*\./,
  );
  expect(readdirSync(config.out)).toEqual([]);
});

test("sources that are all repeated zero times are an error", async () => {
  const { sources, ...config } = writeBuildFiles(temporaryFolder(), 40);
  const none = sources.map((source) => ({ ...source, repeat: 0 }));
  const failure = await buildCorpus({ ...config, sources: none }, { encoder }).catch((error: unknown) => error);
  expect(EmptyDataError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain("repeat: expected at least one document");
});

test("a key of the text that no record has is told with the first reason", async () => {
  const folder = temporaryFolder();
  const { sources, ...config } = writeBuildFiles(folder, 40);
  const mistyped = { ...config, sources: [{ ...sources[0]!, textKey: "txt" }], partUnits: 500 };
  const failure = await buildCorpus(mistyped, { encoder }).catch((error: unknown) => error);
  expect(EmptyDataError.is(failure)).toBe(true);
  expect((failure as Error).message).toMatch(
    /source "lines" .*got none, and 44 rejected, first .*a\.jsonl:1: expected the key "txt", got text, id/,
  );
});

test("rejects are there too when a build begins from texts that are there", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 100), work: join(temporaryFolder(), "work") };
  await buildCorpus(config, { encoder, keepWork: true });
  const other = { ...config, out: `${config.out}2`, fimRate: 0 };
  const report = (await buildCorpus(other, { encoder }))!;
  expect(report.rejects).toBe(2);
  const [first, second] = [config, other].map(({ out }) => readFileSync(join(out, "rejects.jsonl"), "utf8"));
  expect(second).toBe(first);
  expect(second!.trim().split("\n").length).toBe(2);
});

test("a record that is too long is kept aside with its line, by a bound of the source", async () => {
  const folder = temporaryFolder();
  const long = JSON.stringify({ text: "x".repeat(800_000) });
  const lines = [plainText(1), plainText(2)].map((text) => JSON.stringify({ text }));
  writeFileSync(join(folder, "a.jsonl"), `${lines[0]}\n${long}\n${lines[1]}\n`);
  const source = { name: "a", paths: join(folder, "a.jsonl"), maxRecordBytes: 300_000 };
  const config = { out: join(folder, "out"), language: false, fimRate: 0, sources: [source] };
  await buildCorpus(config, { encoder });
  expect((await textsOf(config.out)).map(({ text }) => text)).toEqual([plainText(1), plainText(2)]);
  expect(JSON.parse(readFileSync(join(config.out, "rejects.jsonl"), "utf8"))).toMatchObject({ line: 2 });
});
