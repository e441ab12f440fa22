import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { byteEncoder } from "../../test/build-files.ts";
import type { BuildConfig, BuildRun } from "./build-config.ts";
import { buildCorpus } from "./build-corpus.ts";

const encoder = byteEncoder();

const base: BuildConfig = { out: "nowhere", sources: [{ name: "a", paths: "a.txt" }] };
const wrong: [string, object, RegExp, { is(error: unknown): boolean }][] = [
  ["an unknown key", { sead: 1 }, /config: expected known keys, got "sead"\. Did you mean "seed"\?/, ConfigError],
  [
    "an unknown key of a source",
    { sources: [{ name: "a", path: "b" }] },
    /sources\[0\].*Did you mean "paths"/,
    ConfigError,
  ],
  ["an unknown filter", { filters: { gopher: true } }, /filters: expected known keys, got "gopher"/, ConfigError],
  ["an unknown setting of a filter", { filters: { c4: { default: { minWord: 2 } } } }, /minWord/, ConfigError],
  ["an unknown option of deduplication", { dedup: { minHash: { bucket: 2 } } }, /bucket/, ConfigError],
  ["no source", { sources: [] }, /sources: expected at least one source/, ConfigError],
  ["a source without a name", { sources: [{ paths: "a" }] }, /sources\[0\]\.name/, ConfigError],
  ["two sources of one name", { sources: [base.sources[0], base.sources[0]] }, /two named "a"/, ConfigError],
  [
    "weights of no source",
    { mix: { weights: { b: 1 } } },
    /mix\.weights: expected names of sources, got "b"/,
    ConfigError,
  ],
  [
    "a mix of both kinds",
    { mix: { weights: { a: 1 }, temperature: 2 } },
    /weights or temperature, got both/,
    ConfigError,
  ],
  ["a rate above 1", { fimRate: 2 }, /fimRate: expected a number in \[0, 1\], got 2/, OutOfRangeError],
  ["filters of null", { filters: null }, /filters: expected an object, got null/, ConfigError],
  ["a filter of null", { filters: { c4: null } }, /filters\.c4: expected true, false or an object/, ConfigError],
  ["deduplication of null", { dedup: null }, /dedup: expected an object, got null/, ConfigError],
  ["a search of null", { dedup: { exact: null } }, /dedup\.exact: expected true, false or an object/, ConfigError],
  ["a mix of null", { mix: null }, /mix: expected an object, got null/, ConfigError],
  ["weights of null", { mix: { weights: null } }, /mix\.weights: expected an object/, ConfigError],
  ["normalizing of null", { normalize: null }, /normalize: expected true, false or an object/, ConfigError],
  ["a form of Unicode", { normalize: { form: "nfc" } }, /form: .*got "nfc"/, ConfigError],
  ["a key of normalizing", { normalize: { forms: "NFC" } }, /createNormalizer: .*Did you mean "form"/, ConfigError],
  ["a switch of normalizing", { normalize: { controls: 1 } }, /controls: expected /, ConfigError],
  ["blank lines", { normalize: { blankLines: -1 } }, /blankLines/, OutOfRangeError],
  ["a language that is none", { language: null }, /language: expected true, false or an object/, ConfigError],
  ["a key of text", { sources: [{ ...base.sources[0], textKey: 5 }] }, /sources\[0\]\.textKey.*got 5/, ConfigError],
  ["quotes", { sources: [{ ...base.sources[0], quotes: "no" }] }, /sources\[0\]\.quotes/, ConfigError],
  ["a repeat of null", { sources: [{ ...base.sources[0], repeat: null }] }, /sources\[0\]\.repeat/, OutOfRangeError],
  ["a source of null", { sources: [null] }, /sources\[0\]: expected an object, got null/, ConfigError],
  ["parts of null", { partUnits: null }, /partUnits/, OutOfRangeError],
  ["shards of null", { shardTokens: null }, /shardTokens/, OutOfRangeError],
  ["records of null", { badRecords: null }, /badRecords/, ConfigError],
  ["a seed below 0", { seed: -1 }, /seed/, OutOfRangeError],
  ["a wrong choice", { badRecords: "drop" }, /badRecords: expected keep or stop, got "drop"/, ConfigError],
];
test.each(wrong)("%s is refused before anything is written", async (_, more, message, type) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.txt"), "text");
  const sources = [{ name: "a", paths: join(folder, "a.txt") }];
  const config = { ...base, sources, out: join(folder, "out"), ...more } as BuildConfig;
  const failure = await buildCorpus(config, { encoder }).catch((error: unknown) => error);
  expect((failure as Error).message).toMatch(message);
  expect(type.is(failure)).toBe(true);
  expect(readdirSync(folder)).toEqual(["a.txt"]);
});

test("an encoder without ids for it cannot be asked for fill-in-the-middle", async () => {
  const { fim: _fim, ...without } = encoder;
  const failure = buildCorpus({ ...base, fimRate: 0.1 }, { encoder: without });
  await expect(failure).rejects.toThrow(/fimRate: expected 0: the encoder has no ids for it/);
});

const noEncoder: [string, unknown, RegExp][] = [
  ["a run", undefined, /run\.encoder: expected an encoder/],
  ["an encoder", {}, /run\.encoder: expected an encoder/],
  ["a name", { encoder: { ...encoder, name: undefined } }, /run\.encoder\.name/],
  ["a function", { encoder: { ...encoder, encode: [] } }, /run\.encoder\.encode: expected a function/],
];
test.each(noEncoder)("a build without %s is refused", async (_, run, message) => {
  const failure = await buildCorpus(base, run as BuildRun).catch((error: unknown) => error);
  expect(ConfigError.is(failure)).toBe(true);
  expect((failure as Error).message).toMatch(message);
});
