import { join } from "node:path";
import { type BuildProgress, type BuildReport, buildCorpus, removeWork } from "@ds3/data/node";
import { abortOnSignals } from "../abort-on-signals.ts";
import { readBuildFile } from "../build-file.ts";
import { openBuildTokenizer } from "../build-tokenizer.ts";
import { createCorpusEncoder } from "../corpus-encoder.ts";
import { describeBuild } from "../describe-build.ts";
import { formatBytes, formatCount } from "../format.ts";
import { dataPage } from "../html/data-page.ts";
import type { Terminal } from "../terminal.ts";
import { writeText } from "../write-text.ts";
import { writeDemo } from "./data-demo.ts";

/** Options of `ds3 data build`. */
export interface DataBuildOptions {
  /** Build the demo texts in this folder. */
  readonly demo?: string;
  /** `key=value`, in place of what the file says. */
  readonly set: readonly string[];
  readonly keepWork: boolean;
}

/** Exit code of a command that Ctrl-C has stopped, as shells have it. */
const STOPPED = 130;

/** Build a corpus by a file, or the demo texts. @returns the exit code. */
export async function dataBuild(
  path: string | undefined,
  options: DataBuildOptions,
  terminal: Terminal,
): Promise<number> {
  const config = path ?? (await writeDemo(options.demo!, terminal)).config;
  const file = await readBuildFile(config, options.set);
  const { tokenizer: _tokenizer, bosToken: _bosToken, eosToken: _eosToken, addedTokens, ...build } = file;
  const { tokenizer, borders, place } = await openBuildTokenizer(file, build, terminal);
  const encoder = createCorpusEncoder(tokenizer, borders, addedTokens);
  if (encoder.eosId === undefined)
    terminal.note("No end token: documents follow one another without a border. See eosToken.");
  using abort = abortOnSignals(() => terminal.note("Stopping; Ctrl-C again ends at once."));
  const onProgress = (progress: BuildProgress): void => terminal.status(progressLine(progress));
  // A tokenizer that was trained is in the work folder until it is in its place.
  const report = await buildCorpus(build, { encoder, onProgress, signal: abort.signal, keepWork: true });
  if (report === undefined) {
    terminal.document({ out: file.out, stopped: true });
    terminal.note("Stopped. The same command goes on from here.");
    return STOPPED;
  }
  await finish(file.out, await place(), report, terminal);
  if (!options.keepWork) await removeWork(build);
  return 0;
}

async function finish(out: string, tokenizer: string, report: BuildReport, terminal: Terminal): Promise<void> {
  const html = join(out, "report.html");
  await writeText(html, dataPage(report));
  terminal.document({ out, tokenizer, html, report });
  terminal.print(`${describeBuild(report)}\n\n${out}\n${html}`);
}

const STAGES: Readonly<Record<BuildProgress["stage"], string>> = {
  clean: "reading and filtering",
  "dedup.exact": "searching for equal texts",
  "dedup.minHash": "searching for near-duplicates",
  keep: "taking duplicates out",
  encode: "encoding",
};

function progressLine({ stage, documents, total, bytes, totalBytes }: BuildProgress): string {
  const of = total === undefined ? "" : ` of ${formatCount(total)}`;
  const share = totalBytes ? bytes / totalBytes : total ? documents / total : undefined;
  const percent = share === undefined ? "" : `, ${Math.min(100, Math.floor(100 * share))} %`;
  return `${STAGES[stage]}: ${formatCount(documents)}${of} documents, ${formatBytes(bytes)}${percent}`;
}
