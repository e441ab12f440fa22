import { expect, test } from "vitest";
import type { Document } from "../document.ts";
import type { DocumentStage, StageReport } from "../stage.ts";
import { StageRunner } from "../stage-runner.ts";
import { mergeAll } from "./merge-reports.ts";

const stages: DocumentStage[] = [
  { name: "even", process: (document) => (Number(document.text) % 2 === 0 ? document : { reason: "even.odd" }) },
  { name: "mark", process: (document) => ({ ...document, text: `${document.text}!` }) },
];

function reportsOf(from: number, to: number, sampleCount = 3): StageReport[] {
  const runner = new StageRunner(stages, { sampleCount, seed: from });
  for (let i = from; i < to; i++)
    runner.process({ text: `${i}`, source: `t:${i}`, language: i < 50 ? "en" : "zh" } as Document);
  return runner.reports();
}

function countsOf({ samples: _samples, seconds: _seconds, megabytesPerSecond: _rate, ...counts }: StageReport): object {
  return counts;
}

test("two runs together count what one run over all counts", () => {
  const whole = reportsOf(0, 90);
  const merged = mergeAll(reportsOf(0, 70), reportsOf(70, 90), { sampleCount: 3, seed: 0, stream: 1 });
  expect(merged.map(countsOf)).toEqual(whole.map(countsOf));
  expect(mergeAll([], whole, { sampleCount: 3, seed: 0, stream: 1 })).toEqual(whole);
});

test("samples are as many as asked for of each kind, each once, and drawn by how many there were", () => {
  const from = (report: StageReport): number =>
    report.samples.filter(({ source }) => Number(source.slice(2)) >= 80).length;
  let late = 0;
  for (let stream = 0; stream < 400; stream++) {
    const merged = mergeAll(reportsOf(0, 80), reportsOf(80, 100), { sampleCount: 3, seed: 9, stream });
    for (const { samples } of merged) {
      expect(samples).toHaveLength(3);
      expect(new Set(samples.map(({ source }) => source)).size).toBe(3);
    }
    late += from(merged[0]!) + from(merged[1]!);
  }
  // A fifth of the documents are late: of 2,400 samples 480 are expected, and their spread is below 25.
  expect(late).toBeGreaterThan(380);
  expect(late).toBeLessThan(580);
});

test("a side with few of a kind gives all it has", () => {
  const merged = mergeAll(reportsOf(0, 2), reportsOf(2, 4), { sampleCount: 3, seed: 0, stream: 1 });
  expect(merged[0]!.samples.map(({ source }) => source).sort()).toEqual(["t:1", "t:3"]);
});
