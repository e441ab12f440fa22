import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { checkBuildFile, readBuildFile } from "./build-file.ts";

const good = { out: "out", tokenizer: "t.json", sources: [{ name: "a", paths: "a.txt" }] };

const wrong: [string, object, string][] = [
  ["a key", { ...good, sauces: [] }, 'config: expected known keys, got "sauces". Did you mean "sources"?'],
  [
    "a key of a source",
    { ...good, sources: [{ name: "a", path: "b" }] },
    'sources.0: expected known keys, got "path". Did you mean "paths"?',
  ],
  [
    "a key beside all others",
    { ...good, sources: [{ ...good.sources[0], wieght: 1 }] },
    'sources.0: expected known keys, got "wieght"',
  ],
  [
    "a key behind a switch",
    { ...good, language: { keeps: [] } },
    'language: expected known keys, got "keeps". Did you mean "keep"?',
  ],
  ["a key of training", { ...good, tokenizer: { vocabsize: 1 } }, "tokenizer.vocabSize: expected"],
  [
    "a choice",
    { ...good, badRecords: "kep" },
    'badRecords: expected "keep" or "stop", got "kep". Did you mean "keep"?',
  ],
  ["a number", { ...good, fimRate: 1.5 }, "fimRate: expected at most 1, got 1.5"],
  ["a type", { ...good, seed: "one" }, 'seed: expected number, got "one"'],
  ["nothing at all", [], "config: expected object, got []"],
  ["a list that is empty", { ...good, sources: [] }, "sources: expected at least 1 of it, got []"],
];
test.each(wrong)("%s that is wrong is named", (_, value, message) => {
  const failure = (() => {
    try {
      return checkBuildFile(value);
    } catch (error) {
      return error;
    }
  })();
  expect(ConfigError.is(failure)).toBe(true);
  expect((failure as Error).message).toContain(message);
});

test("values of the command line are put in place, as JSON or else as text", async () => {
  const path = join(temporaryFolder(), "build.json");
  writeFileSync(path, JSON.stringify(good));
  const overrides = [
    "seed=7",
    "out=a=b",
    "sources.0.repeat=2.5",
    "dedup.minHash.ngram=3",
    "filters.c4=true",
    'mix.weights={"a": 1}',
  ];
  expect(await readBuildFile(path, overrides)).toEqual({
    ...good,
    seed: 7,
    out: "a=b",
    sources: [{ name: "a", paths: "a.txt", repeat: 2.5 }],
    dedup: { minHash: { ngram: 3 } },
    filters: { c4: true },
    mix: { weights: { a: 1 } },
  });
  await expect(readBuildFile(path, ["out.deep=1"])).rejects.toThrow(
    "--set out.deep=1: expected an object or list at out",
  );
});
