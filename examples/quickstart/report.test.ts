import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@ds3/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { movingMean } from "./chart-drawing.ts";
import { expertLoadChart } from "./chart-expert-load.ts";
import { stageChart } from "./chart-stage.ts";
import { learningRateChart, lossChart } from "./charts.ts";
import { writeReport } from "./report.ts";
import { reportHtml } from "./report-html.ts";
import type { RunRecord, StageRecord } from "./run-record.ts";

const pretrain: StageRecord = {
  seconds: 100,
  name: "pretrain",
  measure: "validation loss, nats per token",
  unit: "nats",
  before: 6.25,
  after: 3.25,
  n: 2_048,
  curves: [],
  conversations: [],
};

const sft: StageRecord = {
  name: "sft",
  measure: "answers right, <greedy>",
  unit: "share",
  before: 0.005,
  after: 0.6125,
  n: 1_400,
  seconds: 65,
  curves: [{ label: "loss < 1", steps: [1, 2], values: [0.5, 0.25] }],
  conversations: [{ prompt: "1 + 1 < 3?", before: "\n", after: "<b>yes</b>\n& no" }],
};

const zigzag = Array.from({ length: 64 }, (_, i) => 0.5 + 0.1 * (-1) ** i);

const grpo: StageRecord = {
  name: "grpo",
  measure: "mean reward at temperature 1",
  unit: "reward",
  before: -0.125,
  after: 0.75,
  n: 512,
  seconds: 20,
  curves: [
    { label: "KL to the reference", steps: [], values: [] },
    { label: "mean reward", steps: Array.from({ length: 64 }, (_, i) => i), values: zigzag },
  ],
  conversations: [],
};

const steps = Array.from({ length: 30 }, (_, i) => i + 1);
const run: RunRecord = {
  preset: "tiny",
  precision: "f32",
  command: "quickstart --seed 3",
  seed: 3,
  adapter: "a GPU",
  startedAt: "2025-01-01T00:00:00Z",
  trainingSeconds: 100,
  wallSeconds: 125,
  stages: [pretrain],
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

const withCurve = (steps: number[], values: number[]): StageRecord => ({
  ...sft,
  curves: [{ label: "x", steps, values }],
});

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

test("the json begins with the margin and the stages, each stage with its figures", async () => {
  const { json } = await writeReport(join(folder, "stages"), { ...run, stages: [pretrain, sft] });
  const [, margin, stages] = (await readFile(json, "utf8")).split("\n");
  expect(margin).toBe('  "marginNats": 0.25,');
  expect(stages).toContain(
    '"stages": [{"name":"pretrain","before":6.25,"after":3.25,"n":2048,"seconds":100,"measure":',
  );
});

test("a run of pre-training alone has one stage, and speaks of no other", () => {
  const html = reportHtml(run);
  expect(html).toContain("<h1>A small DeepSeek-V3, pre-trained</h1>");
  expect(html).toContain('<td class="number">6.250</td><td class="number"><b>3.250</b></td>');
  expect(html).toContain("1 min 40 s of it training");
  expect(html).not.toContain("Post-training");
  expect(html).not.toMatch(/id="(sft|dpo|grpo)"/);
});

test("every stage has its row, and after pre-training its part and its share of the verdict", () => {
  const html = reportHtml({ ...run, stages: [pretrain, sft, grpo] });
  expect(html).toContain("<h1>A small DeepSeek-V3, from text to chat</h1>");
  expect(html).toContain("SFT took “answers right, &lt;greedy&gt;” from 0.5% to 61.3% and GRPO took");
  expect(html).toContain('<td class="number">−0.125</td><td class="number"><b>0.750</b></td>');
  expect(html).toContain('<td class="number wide">1,400 problems</td><td class="number wide">1 min 05 s</td>');
  expect(html).toContain("1 min 40 s of it pre-training");
  for (const name of ["pretrain", "sft", "grpo"]) {
    expect(html).toContain(`<a href="#${name}">`);
    expect(html).toContain(`<section id="${name}">`);
  }
  expect(html).not.toContain("DPO");
});

test("a conversation keeps its line breaks, escapes its text, and says where there is none", () => {
  const html = reportHtml({ ...run, stages: [pretrain, sft] });
  expect(html).toContain('<div class="prompt"><span>prompt</span><p>1 + 1 &lt; 3?</p></div>');
  expect(html).toContain('<span>before SFT</span><p class="none">(no text)</p>');
  expect(html).toContain("<span>after SFT</span><p>&lt;b&gt;yes&lt;/b&gt;\n&amp; no</p>");
  expect(html).toContain("<h3>loss &lt; 1</h3>");
  expect(html.match(/class="talk"/g)).toHaveLength(1);
});

test("a stage's long curve has each step behind the mean, a short one its points; one without values has no chart", () => {
  const [, reward] = grpo.curves;
  const strokes = (svg: string) => svg.match(/stroke="var\(--train\)"[^>]*/g)!;
  expect(strokes(stageChart("a", reward!, 2).wide).filter((stroke) => stroke.includes("opacity"))).toHaveLength(1);
  const schedule = { ...reward!, values: zigzag.map((_, i) => 1e-3 - 1e-5 * i) };
  expect(stageChart("c", schedule, 2).wide).not.toContain("opacity");
  const short = stageChart("b", sft.curves[0]!, 2);
  expect(short.wide).not.toContain("opacity");
  expect(strokes(short.wide)).toHaveLength(1);
  expect(short.wide.match(/fill="var\(--train\)"><\/path>/g)).toHaveLength(2);
  expect(short.narrow).toContain(">0.250<");
  const html = reportHtml({ ...run, stages: [pretrain, grpo] });
  expect(html).toContain('aria-label="mean reward over the steps of GRPO"');
  expect(html).not.toContain("KL to the reference");
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
  ["a stage that comes twice", { stages: [pretrain, sft, sft] }, /stages: expected pretrain, sft, each once/],
  ["stages out of order", { stages: [sft, pretrain] }, /got sft, pretrain/],
  [
    "another loss after pre-training",
    { stages: [{ ...pretrain, after: 3 }] },
    /after of stage pretrain.*3\.25, got 3\./,
  ],
  [
    "a share above one",
    { stages: [{ ...sft, after: 61 }] },
    /after of stage sft: expected a share from 0 to 1, got 61/,
  ],
  ["a stage measured on nothing", { stages: [{ ...sft, n: 0 }] }, /n of stage sft.*got 0/],
  ["a figure of a stage that is not finite", { stages: [{ ...grpo, before: Number.NaN }] }, /stages\.0\.before.*NaN/],
  ["a stage's curve of another length", { stages: [withCurve([1], [])] }, /curve "x" of stage sft.*1 values.*got 0/],
  ["a stage's curve that is not finite", { stages: [withCurve([1], [1 / 0])] }, /values\.0: .*got Infinity/],
  ["a loss that is not finite", { validation: { lossNats: Number.NaN, bitsPerByte: 1 } }, /run\.validation\.lossNats/],
])("%s is a ConfigError, and nothing is written", async (name, change, message) => {
  const target = join(folder, name);
  const failure = await writeReport(target, { ...run, ...change }).catch((error: unknown) => error);
  expect(ConfigError.is(failure)).toBe(true);
  expect((failure as Error).message).toMatch(message);
  await expect(readdir(target)).rejects.toThrow("ENOENT");
});
