import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ConfigError, StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { byteEncoder, plainText, writeBuildFiles } from "../../test/build-files.ts";
import { openShards } from "../shards/open-shards.ts";
import { prepareBuild, removeWork } from "./begin-build.ts";
import type { BuildConfig } from "./build-config.ts";
import { buildCorpus } from "./build-corpus.ts";

const encoder = byteEncoder();

/** Every file below a folder with its content. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(files.sort().map((path) => [path, readFileSync(path, "utf8")]));
}

async function failureOf(config: BuildConfig): Promise<Error> {
  return buildCorpus(config, { encoder }).then(
    () => expect.unreachable("it was built"),
    (error: Error) => error,
  );
}

const unsafe: [string, (folder: string) => string, RegExp][] = [
  ["the folder of a source", (folder) => join(folder, "in", "texts"), /work: .*of source "texts"/],
  ["the folder around a pattern", (folder) => join(folder, "in"), /work: .*of source "lines"/],
  ["the folder of the shards", (folder) => join(folder, "out"), /work: .*contains out/],
  ["the folder around them", (folder) => `${folder}/out/..`, /work: .*contains out/],
  ["a link to a source", (folder) => join(folder, "link"), /work: .*of source "texts"/],
  [
    "a folder of something else",
    (folder) => join(folder, "mine"),
    /work: expected an empty folder.*which holds "build\.json"/,
  ],
  ["a file", (folder) => join(folder, "in", "c.csv", "..", "c.csv"), /work: expected a folder/],
];
test.each(unsafe)("work as %s is refused at the start, and nothing is touched", async (_, workOf, message) => {
  const folder = temporaryFolder();
  const { sources, ...config } = writeBuildFiles(folder, 40);
  mkdirSync(join(folder, "mine"));
  writeFileSync(join(folder, "mine", "build.json"), '{"version":1,"out":"x"}');
  symlinkSync(join(folder, "in", "texts"), join(folder, "link"));
  const before = contents(folder);
  const work = workOf(folder);
  const only = work.endsWith("c.csv") ? sources.slice(2) : sources;
  const failure = await failureOf({ ...config, sources: only, work });
  expect(ConfigError.is(failure)).toBe(true);
  expect(failure.message).toMatch(message);
  expect(contents(folder)).toEqual(before);
  await expect(removeWork({ ...config, sources: only, work })).rejects.toThrow(message);
  expect(contents(folder)).toEqual(before);
});

test("a work folder with results is refused to another config, one without any is not", async () => {
  const config = { ...writeBuildFiles(temporaryFolder(), 40), partUnits: 1000 };
  const none = { ...config, sources: [{ ...config.sources[0]!, textKey: "txt" }], partUnits: 2 ** 25 };
  expect((await failureOf(none)).message).toContain('expected the key "txt"');
  const abort = new AbortController();
  await buildCorpus(config, { encoder, onProgress: () => abort.abort(), signal: abort.signal });
  for (const other of [
    { ...config, seed: 4 },
    { ...config, out: `${config.out}2`, work: `${config.out}.work`, normalize: false },
  ]) {
    const failure = await failureOf(other);
    expect(failure.message).toMatch(/(seed: expected 3|normalize: expected true), as in .*build\.json, got/);
  }
});

test("what a build did not make stays in its folder", async () => {
  const config = writeBuildFiles(temporaryFolder(), 40);
  const work = `${config.out}.work`;
  await buildCorpus(config, { encoder, keepWork: true });
  writeFileSync(join(work, "notes.txt"), "mine");
  writeFileSync(join(work, "keep", "part-of-me.jsonl"), "mine");
  writeFileSync(join(work, "tokenizer.json"), "{}");
  await buildCorpus(config, { encoder });
  expect(Object.keys(contents(work))).toEqual([join(work, "keep", "part-of-me.jsonl"), join(work, "notes.txt")]);
});

test("out and work within the folder of a source: a build goes on, and what it made is never read", async () => {
  const folder = temporaryFolder();
  for (let i = 0; i < 60; i++) writeFileSync(join(folder, `${i}.jsonl`), JSON.stringify({ text: plainText(i) }));
  writeFileSync(join(folder, "bad.jsonl"), "{");
  const out = join(folder, "out");
  const sources = [{ name: "a", paths: folder, language: "en" }];
  const config = { out, work: join(folder, "w"), sources, partUnits: 5000, fimRate: 0, language: false };
  const abort = new AbortController();
  const onProgress = ({ stage }: { stage: string }): void => void (stage === "dedup.minHash" && abort.abort());
  expect(await buildCorpus(config, { encoder, onProgress, signal: abort.signal })).toBe(undefined);
  expect(existsSync(join(out, "rejects.jsonl"))).toBe(true);
  const report = await buildCorpus(config, { encoder });
  expect(report!.sources[0]).toMatchObject({ documents: 60, rejects: 1, files: 61 });
  expect(await buildCorpus(config, { encoder })).toEqual(report);
  expect((await openShards(out, { verify: "open" })).index.documents).toBe(60);
});

const changes: [string, (folder: string) => string][] = [
  [
    "a source of another size",
    (folder) => {
      const path = join(folder, "in", "texts", "1.txt");
      writeFileSync(path, "other");
      return path;
    },
  ],
  [
    "a source of another time",
    (folder) => {
      utimesSync(join(folder, "in", "c.csv"), 1, 1);
      return join(folder, "in", "c.csv");
    },
  ],
  [
    "a new file",
    (folder) => {
      writeFileSync(join(folder, "in", "texts", "6.txt"), "more");
      return join(folder, "in", "texts", "6.txt");
    },
  ],
  [
    "a file that is gone",
    (folder) => {
      rmSync(join(folder, "in", "texts", "2.txt"));
      return join(folder, "in", "texts", "2.txt");
    },
  ],
  [
    "a shard that is gone",
    (folder) => {
      rmSync(join(folder, "out", "shard-00000.documents"));
      return join(folder, "out", "shard-00000.documents");
    },
  ],
  [
    "a shard that is cut",
    (folder) => {
      const path = join(folder, "out", "shard-00001.tokens");
      writeFileSync(path, readFileSync(path).subarray(2));
      return path;
    },
  ],
];
test.each(changes)("a finished build notices %s", async (_, change) => {
  const folder = temporaryFolder();
  const config = { ...writeBuildFiles(folder, 40), shardTokens: 5000 };
  const report = await buildCorpus(config, { encoder });
  expect(await buildCorpus(config, { encoder })).toEqual(report);
  const path = change(folder);
  const failure = await failureOf(config);
  expect(StateError.is(failure), failure.message).toBe(true);
  expect(failure.message).toContain(`: ${path}: expected`);
});

test("a build is prepared for a tokenizer: files and their options, the folder taken, another config refused", async () => {
  const { sources, ...rest } = writeBuildFiles(temporaryFolder(), 40);
  const config = { ...rest, sources: [{ ...sources[0]!, textKey: "body" }, ...sources.slice(1)] };
  const prepared = await prepareBuild(config);
  expect(prepared).toMatchObject({ work: `${config.out}.work`, hasShards: false, isFinished: false });
  expect(prepared.sources.map(({ name, files }) => [name, files.length])).toEqual([
    ["lines", 2],
    ["table", 1],
    ["texts", 5],
  ]);
  expect(prepared.sources[0]!.options).toEqual({ textKey: "body", column: "body" });
  expect(prepared.inputs.length).toBe(8);
  expect(readdirSync(prepared.work)).toEqual(["build.json"]);
  await prepareBuild({ ...config, seed: 4 }); // nothing is there yet that could be of another seed
  await removeWork(config);
  expect(existsSync(prepared.work)).toBe(false);
  await buildCorpus({ ...rest, sources }, { encoder });
  expect(await prepareBuild({ ...rest, sources })).toMatchObject({ hasShards: true, isFinished: true });
  expect(existsSync(prepared.work)).toBe(false);
  const other = prepareBuild({ ...rest, sources: sources.map((source) => ({ ...source, lossWeight: 3 })) });
  await expect(other).rejects.toThrow(/repeats: expected .*, as in .*report\.json, got /);
});
