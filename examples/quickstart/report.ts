import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileWhole } from "@ds3/trainer";
import { checkRecord } from "./report-check.ts";
import { reportHtml } from "./report-html.ts";
import type { RunRecord } from "./run-record.ts";

/** Where the two files of a report lie. */
export interface ReportPaths {
  readonly html: string;
  readonly json: string;
}

/**
 * Writes `report.html` and `report.json` into `folder`; each appears under its name only when it is whole.
 * @throws ConfigError when the record contradicts itself: see {@link checkRecord}.
 */
export async function writeReport(folder: string, run: RunRecord): Promise<ReportPaths> {
  checkRecord(run);
  await mkdir(folder, { recursive: true });
  const paths = { html: join(folder, "report.html"), json: join(folder, "report.json") };
  await writeFileWhole(paths.html, Buffer.from(reportHtml(run)));
  await writeFileWhole(paths.json, Buffer.from(reportJson(run)));
  return paths;
}

/** What a reader of many reports looks for comes first: the margin, then the stages, each with its figures first. */
function reportJson({ stages, ...run }: RunRecord): string {
  const figuresFirst = stages.map(({ name, before, after, n, seconds, ...rest }) => {
    return { name, before, after, n, seconds, ...rest };
  });
  return jsonByLines({
    marginNats: run.baseline.lossNats - run.validation.lossNats,
    stages: figuresFirst,
    ...run,
  });
}

/** One line a top-level key: short enough for the long curves, legible for the rest. */
function jsonByLines(record: object): string {
  const lines = Object.entries(record).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(",\n")}\n}\n`;
}
