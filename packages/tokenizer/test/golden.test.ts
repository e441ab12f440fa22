import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { skipVisibly } from "@ds3/testing";
import {
  type FoundTokenizerCases,
  findTokenizerCases,
  firstMismatch,
  type TokenizerCases,
  tokenizerChecks,
} from "@ds3/testing/tokenizer-cases";
import { describe, expect, test } from "vitest";
import { parseTokenizer } from "../src/parse-tokenizer.ts";
import { trainBpe } from "../src/train-bpe.ts";
import { trainFromOld } from "../src/train-from-old.ts";
import { committedFixtures, externalFolder } from "./golden.ts";

const here = fileURLToPath(import.meta.url);
const defaultDatasets = resolve(dirname(here), "../../../../shared/datasets");
const fixtures = externalFolder("DS3_FIXTURES", "../shared/fixtures");
const datasets = externalFolder("DS3_DATASETS", "../shared/datasets");

describe("committed golden cases", () => {
  const found = findTokenizerCases(committedFixtures, here).filter(({ name }) =>
    existsSync(join(committedFixtures, `${name}.tokenizer.json`)),
  );
  test("there are some", () => expect(found.length).toBeGreaterThan(0));
  for (const cases of found) testCases(cases);

  const corpus = readFileSync(join(committedFixtures, "corpus.txt"), "utf8");
  for (const preTokenizer of ["gpt2", "deepseek-v3"] as const) {
    test(`training: ${preTokenizer} gives HF's file, byte for byte`, () => {
      const expected = readFileSync(join(committedFixtures, `${preTokenizer}.tokenizer.json`), "utf8");
      const { vocabSize, specialTokens } = parseTokenizer(expected);
      expect(trainBpe([corpus], { vocabSize, specialTokens, preTokenizer }).toJson()).toBe(expected);
    });
  }
});

describe("external golden cases", () => {
  testFolder(fixtures && join(fixtures, "tokenizer"), "no external fixtures, set DS3_FIXTURES");
});

describe("external golden rows", () => {
  const elsewhere = join(defaultDatasets, "tokenizer-golden");
  testFolder(datasets && join(datasets, "tokenizer-golden"), "no external datasets, set DS3_DATASETS", elsewhere);
});

function testFolder(folder: string | undefined, absent: string, elsewhere?: string): void {
  if (folder === undefined) {
    skipVisibly(`tokenizer cases: ${absent}`);
    return;
  }
  const found = findTokenizerCases(folder, here, elsewhere);
  test("there are some", () => expect(found.length).toBeGreaterThan(0));
  for (const cases of found) testCases(cases);
}

/** Every row of every column; then the same of the tokenizer written and read again. */
function testCases({ name, load }: FoundTokenizerCases): void {
  test(`${name}: ids, offsets and texts are HF's`, () => {
    const cases = load();
    const tokenizer = parseTokenizer(cases.tokenizerJson);
    const again = parseTokenizer(tokenizer.toJson());
    const checks = tokenizerChecks(cases);
    expect(checks.length).toBeGreaterThanOrEqual(4);
    for (const check of checks) {
      expect(firstMismatch(check, tokenizer)).toBeUndefined();
      expect(firstMismatch(check, again)).toBeUndefined();
    }
    expect(again.toJson()).toBe(tokenizer.toJson());
  }, 60_000);
  testTraining(name, load);
}

function testTraining(name: string, load: () => TokenizerCases): void {
  const cases = load();
  if (cases.training === undefined) return;
  const { corpus, vocabSize, specialTokens } = cases.training;
  test(`training: ${basename(name)} gives HF's file, byte for byte`, () => {
    const { pre_tokenizer } = JSON.parse(cases.tokenizerJson) as { pre_tokenizer: { type: string } };
    const preTokenizer = pre_tokenizer.type === "ByteLevel" ? "gpt2" : "deepseek-v3";
    const trained = trainBpe([corpus], { vocabSize, specialTokens, preTokenizer });
    expect(trained.toJson()).toBe(cases.tokenizerJson);
    const again = trainFromOld(parseTokenizer(cases.tokenizerJson), [corpus], { vocabSize });
    expect(again.toJson()).toBe(cases.tokenizerJson);
  });
}
