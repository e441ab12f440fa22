import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildReport, openShards } from "@ds3/data/node";
import { FormatError } from "@ds3/errors";
import { describeBuild } from "../describe-build.ts";
import { formatCount, formatShare, formatTable } from "../format.ts";
import { dataPage } from "../html/data-page.ts";
import type { Terminal } from "../terminal.ts";
import { writeText } from "../write-text.ts";

/** Options of `ds3 data inspect`. */
export interface DataInspectOptions {
  /** Where to write the page. */
  readonly html?: string;
  /** Print samples of each stage. */
  readonly samples: boolean;
  /** Compare every file's checksum. */
  readonly verify: boolean;
}

const OP = "ds3 data inspect";

/** Tell what a build did, or, of shards without a report, what is in them. */
export async function dataInspect(folder: string, options: DataInspectOptions, terminal: Terminal): Promise<void> {
  const { index } = await openShards(folder, { verify: options.verify ? "open" : "never", partial: true });
  const report = await readReport(folder);
  const { html } = options;
  if (html !== undefined && report === undefined) {
    const expected = "the report.json of a finished ds3 data build";
    throw new FormatError({ op: OP, operand: folder, expected, actual: "none" });
  }
  if (html !== undefined) await writeText(html, dataPage(report!));
  const { tokens, documents, corpora, complete, dtype, vocabSize } = index;
  const shards = { tokens, documents, complete, dtype, vocabSize, corpora, files: index.shards.length };
  terminal.document({ folder, shards, report: report ?? null, ...(html === undefined ? {} : { html }) });
  if (report === undefined) {
    const rows = corpora.map((each) => [
      each.name || "(none)",
      formatCount(each.documents),
      formatCount(each.tokens),
      formatShare(each.tokens / Math.max(1, tokens)),
    ]);
    terminal.print(formatTable(["source", "documents", "tokens", "share"], rows));
    terminal.print(
      `\n${formatCount(tokens)} tokens, ${formatCount(documents)} documents, ${shards.files} shards${complete ? "" : ", not complete"}`,
    );
    return;
  }
  terminal.print(describeBuild(report));
  if (options.samples) terminal.print(`\n${samplesOf(report)}`);
  if (html !== undefined) terminal.print(`\n${html}`);
}

async function readReport(folder: string): Promise<BuildReport | undefined> {
  const path = join(folder, "report.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError({ op: OP, operand: path, expected: "JSON", actual: (cause as Error).message, cause });
  }
  const { format, version } = value as Partial<BuildReport>;
  if (format === "ds3-build-report" && version === 1) return value as BuildReport;
  throw new FormatError({
    op: OP,
    operand: path,
    expected: "a ds3-build-report of version 1",
    actual: `${format} ${version}`,
  });
}

const SAMPLE_LENGTH = 300;

function samplesOf({ stages }: BuildReport): string {
  const lines = stages.flatMap(({ name, samples }) =>
    samples.flatMap(({ before, after, reason, detail, source }) => [
      `${name}: ${reason === undefined ? "changed" : `dropped, ${reason}`}${detail === undefined ? "" : ` (${detail})`}: ${source}`,
      `  before: ${JSON.stringify(before.slice(0, SAMPLE_LENGTH))}`,
      ...(after === undefined ? [] : [`  after:  ${JSON.stringify(after.slice(0, SAMPLE_LENGTH))}`]),
    ]),
  );
  return lines.join("\n");
}
