import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "@ds3/errors";
import { reportHtml } from "./report-html.ts";
import type { RunRecord } from "./run-record.ts";

/** Where the two files of a report lie. */
export interface ReportPaths {
  readonly html: string;
  readonly json: string;
}

/**
 * Writes `report.html` and `report.json` into `folder`; each appears under its name only when it is whole.
 * @throws ConfigError when the record contradicts itself: curves of unequal length, or a figure that is not finite.
 */
export async function writeReport(folder: string, run: RunRecord): Promise<ReportPaths> {
  checkRecord(run);
  await mkdir(folder, { recursive: true });
  const marginNats = run.baseline.lossNats - run.validation.lossNats;
  const paths = { html: join(folder, "report.html"), json: join(folder, "report.json") };
  await replaceFile(paths.html, reportHtml(run));
  await replaceFile(paths.json, jsonByLines({ marginNats, ...run }));
  return paths;
}

/** One line a top-level key: short enough for the long curves, legible for the rest. */
function jsonByLines(record: object): string {
  const lines = Object.entries(record).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}

function checkRecord(run: RunRecord): void {
  const { steps, train, mtp, learningRate } = run.curves;
  checkLength("curves.train", train.length, steps.length);
  checkLength("curves.learningRate", learningRate.length, steps.length);
  if (mtp.length > 0) checkLength("curves.mtp", mtp.length, steps.length);
  for (const { layer, steps, loads } of run.expertLoads)
    checkLength(`expertLoads of ${layer}`, loads.length, steps.length);
  checkFinite("run", run);
}

function checkLength(operand: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new ConfigError({
    op: "writeReport",
    operand,
    expected: `${expected} values, one a step`,
    actual: `${actual}`,
  });
}

function checkFinite(path: string, value: unknown): void {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new ConfigError({ op: "writeReport", operand: path, expected: "a finite number", actual: String(value) });
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) checkFinite(`${path}.${key}`, inner);
}

async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}
