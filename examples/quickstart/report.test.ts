import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@ds3/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expertLoadChart, learningRateChart, lossChart, movingMean } from "./charts.ts";
import { writeReport } from "./report.ts";
import { reportHtml } from "./report-html.ts";
import type { RunRecord } from "./run-record.ts";

const steps = Array.from({ length: 30 }, (_, i) => i + 1);
const run: RunRecord = {
  preset: "tiny",
  command: "quickstart --seed 3",
  seed: 3,
  adapter: "a GPU",
  startedAt: "2025-01-01T00:00:00Z",
  trainingSeconds: 100,
  wallSeconds: 125,
  model: {
    parameters: 1_243_136,
    activeParameters: 612_352,
    numHiddenLayers: 3,
    hiddenSize: 64,
    vocabSize: 512,
    nRoutedExperts: 2,
    numExpertsPerTok: 1,
  },
  tokens: { trained: 30_720, validated: 2_048, perSecond: 307.2 },
  curves: {
    steps,
    train: steps.map((step) => 6 / step + 3),
    mtp: steps.map((step) => 6 / step + 4),
    learningRate: steps.map((step) => 1e-3 / step),
    validation: [
      { step: 1, lossNats: 6 },
      { step: 30, lossNats: 3.25 },
    ],
  },
  expertLoads: [{ layer: "layer 1", steps, loads: steps.map((step) => (step <= 10 ? [30, 10] : [20, 20])) }],
  validation: { lossNats: 3.25, bitsPerByte: 1.5 },
  baseline: { name: "Kneser-Ney bigram", lossNats: 3.5, countedTokens: 30_720 },
  samples: [{ prompt: "A <b>", text: ' & "more"' }],
  sources: [{ name: "src", origin: "here", licence: "MIT", documents: 2, bytes: 2_500_000 }],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-report-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("writes both files whole, with the margin in the json", async () => {
  const { html, json } = await writeReport(join(folder, "nested", "run"), run);
  expect(await readdir(join(folder, "nested", "run"))).toEqual(["report.html", "report.json"]);
  expect(JSON.parse(await readFile(json, "utf8"))).toEqual({ marginNats: 0.25, ...run });
  expect(await readFile(html, "utf8")).toBe(reportHtml(run));
});

test("the page says what was reached, and needs nothing but itself", () => {
  const html = reportHtml(run);
  expect(html).toContain("After 30,720 training tokens");
  expect(html).toContain("3.250 nats per token: 0.250 below the 3.500 of a Kneser-Ney bigram");
  expect(html).toContain("1.24 M");
  expect(html).toContain("<b>A &lt;b&gt;</b> &amp; &quot;more&quot;");
  expect(html).not.toMatch(/<script|<link|<img|url\((?!#)|@import/);
  expect(html.replaceAll(/xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:/);
});

test("a model that loses against the baseline is said to", () => {
  expect(reportHtml({ ...run, validation: { lossNats: 3.75, bitsPerByte: 1.7 } })).toContain("0.250 above the 3.500");
});

test("without MTP and without experts their parts are gone", () => {
  const html = reportHtml({ ...run, curves: { ...run.curves, mtp: [] }, expertLoads: [] });
  expect(html).not.toContain("Expert load");
  expect(html).not.toContain('background:var(--mtp)"');
});

test("every line of the loss chart is drawn in its colour, and the two ends are labelled", () => {
  const { wide, narrow } = lossChart(run.curves, 3.5);
  for (const svg of [wide, narrow]) {
    for (const colour of ["train", "mtp", "validation", "baseline"]) expect(svg).toContain(`stroke="var(--${colour})"`);
    expect(svg).toContain(">3.250<");
    expect(svg).toContain(">3.500<");
  }
  expect(learningRateChart(run.curves).wide).toContain('stroke="var(--train)"');
});

test("the heat map joins equal neighbours: two experts, two stretches each", () => {
  const fills = [...expertLoadChart(run.expertLoads[0]!).wide.matchAll(/fill="var\(--heat-(\d)\)"/g)].map(
    ([, bin]) => bin,
  );
  // 30 of a mean of 20 is 1.5, 10 is 0.5; afterwards both are at the mean.
  expect(fills).toEqual(["5", "3", "0", "3"]);
});

test("moving mean by hand", () => {
  expect(movingMean([1, 3, 5, 7], 2)).toEqual([1, 2, 4, 6]);
});

test.each([
  ["a curve of another length", { curves: { ...run.curves, train: [1] } }, /curves\.train.*30 values.*got 1/],
  ["a loss that is not finite", { validation: { lossNats: Number.NaN, bitsPerByte: 1 } }, /run\.validation\.lossNats/],
])("%s is a ConfigError, and nothing is written", async (name, change, message) => {
  const target = join(folder, name);
  const failure = await writeReport(target, { ...run, ...change }).catch((error: unknown) => error);
  expect(ConfigError.is(failure)).toBe(true);
  expect((failure as Error).message).toMatch(message);
  await expect(readdir(target)).rejects.toThrow("ENOENT");
});
