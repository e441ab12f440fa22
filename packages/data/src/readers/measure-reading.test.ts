import { expect, test } from "vitest";
import { testFolder } from "../../test/reader-files.ts";
import { measureReading } from "./measure-reading.ts";

const { file } = await testFolder();

test("documents, units and bytes are counted, time and memory are there", async () => {
  const path = await file("a.jsonl", '{"text":"ab"}\n'.repeat(5000));
  const figures = await measureReading([path]);
  expect(figures).toMatchObject({ bytes: 70_000, documents: 5000, textLength: 10_000 });
  expect(figures.seconds).toBeGreaterThan(0);
  expect(figures.megabytesPerCpuSecond).toBeCloseTo(0.07 / figures.cpuSeconds);
  expect(figures.peakResidentBytes).toBeGreaterThan(1e6);
});

test("memory does not grow with the file", async () => {
  const line = `${JSON.stringify({ text: "some text of a line ".repeat(50) })}\n`;
  const path = await file("large.jsonl", line.repeat(Math.ceil(1.5e8 / line.length)));
  const before = process.memoryUsage.rss();
  const { peakResidentBytes } = await measureReading([path]);
  expect(peakResidentBytes - before).toBeLessThan(1.2e8);
});
