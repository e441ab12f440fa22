/** Filters over real data sets, whichever are there: what they keep and drop, and n-grams against counting with strings. */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { listDatasets, skipVisibly } from "@ds3/testing";
import { expect, test } from "vitest";
import type { Document } from "../src/document.ts";
import { createC4 } from "../src/filters/c4.ts";
import { createFineweb } from "../src/filters/fineweb.ts";
import { createGopherQuality } from "../src/filters/gopher-quality.ts";
import { createGopherRepetition } from "../src/filters/gopher-repetition.ts";
import { createLanguageStage } from "../src/filters/language-stage.ts";
import { NgramIds } from "../src/filters/ngram-ids.ts";
import { TokenScan } from "../src/filters/token-scan.ts";
import type { DocumentStage, StageReport } from "../src/stage.ts";
import { StageRunner } from "../src/stage-runner.ts";

/** What is known of a set: the language of its documents, and the least share that each filter should keep. */
interface Known {
  readonly language: string;
  readonly key?: string;
  readonly kept: Readonly<Record<string, number>>;
  /** Least share of documents whose language is found. */
  readonly found?: number;
}

/** Speeches and cleaned web pages are what the English rules were made for; poems are short; pages of documentation are half code. */
const KNOWN: Readonly<Record<string, Known>> = {
  sotu: { language: "en", kept: { gopherQuality: 1, gopherRepetition: 1, c4: 0.95, fineweb: 0.95 }, found: 1 },
  "c4-demo": {
    language: "en",
    kept: { gopherQuality: 0.85, gopherRepetition: 0.95, c4: 0.8, fineweb: 0.99 },
    found: 0.99,
  },
  factbook: { language: "en", kept: { c4: 0.9 }, found: 1 },
  "poetry-zh": { language: "zh", kept: { gopherRepetition: 0.99, fineweb: 0.9 }, found: 0.99 },
  "d2l-zh": { language: "zh", kept: { gopherQuality: 0.95 } },
  "vue-docs-zh": { language: "zh", kept: { gopherQuality: 0.95 } },
  mbpp: { language: "code", key: "code", kept: { gopherQuality: 0.9, gopherRepetition: 0.99, c4: 1, fineweb: 1 } },
};

const files = (listDatasets() ?? []).filter((file) => basename(dirname(file)) in KNOWN);
if (files.length === 0) skipVisibly("filters over data sets: none of them is there (set DS3_DATASETS)");
for (const file of files) {
  const name = basename(dirname(file));
  const known = KNOWN[name]!;
  const documents = () => readTexts(file, known);

  test(`${name}: filters keep what is of their kind, and give reasons for the rest`, () => {
    for (const stage of [createGopherQuality(), createGopherRepetition(), createC4(), createFineweb()]) {
      const report = run(stage, documents());
      const dropped = Object.values(report.dropped).reduce((sum, count) => sum + count, 0);
      expect(dropped, stage.name).toBe(report.documentsIn - report.documentsOut);
      expect(report.documentsOut / report.documentsIn, stage.name).toBeGreaterThanOrEqual(known.kept[stage.name] ?? 0);
      expect(report.bytesOut, stage.name).toBeLessThanOrEqual(report.bytesIn);
    }
  });

  test(`${name}: repeated n-grams are those that counting with strings finds`, () => {
    const tokens = new TokenScan();
    const ids = new NgramIds();
    for (const { text } of documents().slice(0, 12)) {
      const part = text.slice(0, 20_000);
      tokens.scan(part);
      const words = Array.from({ length: tokens.count }, (_, i) => part.slice(tokens.starts[i], tokens.ends[i]));
      ids.start(part, tokens);
      for (let n = 1; n <= 10; n++, ids.next()) {
        expect([ids.repeated, ids.top().count, ids.duplicateUnits()]).toEqual(countWithStrings(words, n));
      }
    }
  });

  if (known.found === undefined) continue;
  test(`${name}: the language is found`, async () => {
    const stage = await createLanguageStage({ again: true });
    const all = documents();
    const found = all.filter(({ text }) => stage.identify(text).language === known.language);
    expect(found.length / all.length).toBeGreaterThanOrEqual(known.found!);
  });
}

function readTexts(file: string, { key = "text", language }: Known): Document[] {
  const rows = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return rows.map((line, i) => ({
    text: String((JSON.parse(line) as Record<string, unknown>)[key]),
    source: `${file}:${i + 1}`,
    language,
  }));
}

function run(stage: DocumentStage, documents: readonly Document[]): StageReport {
  const runner = new StageRunner([stage]);
  for (const document of documents) runner.process(document);
  return runner.reports()[0]!;
}

function countWithStrings(words: readonly string[], n: number): [repeated: number, top: number, units: number] {
  const counts = new Map<string, number>();
  const grams = words.slice(n - 1).map((_, i) => words.slice(i, i + n).join("\n"));
  for (const gram of grams) counts.set(gram, (counts.get(gram) ?? 0) + 1);
  const repeated = [...counts.values()].filter((count) => count > 1);
  const seen = new Set<string>();
  let units = 0;
  for (let i = 0; i < grams.length; i++) {
    if (!seen.has(grams[i]!)) {
      seen.add(grams[i]!);
      continue;
    }
    units += grams[i]!.replaceAll("\n", "").length;
    i += n - 1;
  }
  return [repeated.length, Math.max(0, ...repeated), units];
}
