import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildProgress, type BuildReport, buildCorpus, readDocuments } from "@ds3/data/node";
import type { Tokenizer } from "@ds3/tokenizer";
import { loadTokenizer, saveTokenizer } from "@ds3/tokenizer/node";
import { abortOnSignals } from "../abort-on-signals.ts";
import { type BuildFile, readBuildFile, type TokenizerToTrain } from "../build-file.ts";
import { type BorderTokens, createCorpusEncoder, readBorderTokens } from "../corpus-encoder.ts";
import { describeBuild } from "../describe-build.ts";
import { formatBytes, formatCount } from "../format.ts";
import { dataPage } from "../html/data-page.ts";
import type { Terminal } from "../terminal.ts";
import { trainTokenizer } from "../train-tokenizer.ts";
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
  const { tokenizer, borders } = await openTokenizer(file, terminal);
  const encoder = createCorpusEncoder(tokenizer, borders);
  if (encoder.eosId === undefined)
    terminal.note("No end token: documents follow one another without a border. See eosToken.");
  const { tokenizer: _tokenizer, bosToken: _bosToken, eosToken: _eosToken, ...build } = file;
  using abort = abortOnSignals(() => terminal.note("Stopping; Ctrl-C again ends at once."));
  const onProgress = (progress: BuildProgress): void => terminal.status(progressLine(progress));
  const { keepWork } = options;
  const report = await buildCorpus(build, { encoder, onProgress, signal: abort.signal, keepWork });
  if (report === undefined) {
    terminal.document({ out: file.out, stopped: true });
    terminal.note("Stopped. The same command goes on from here.");
    return STOPPED;
  }
  await finish(file.out, tokenizer, report, terminal);
  return 0;
}

async function finish(out: string, tokenizer: Tokenizer, report: BuildReport, terminal: Terminal): Promise<void> {
  const html = join(out, "report.html");
  const tokenizerPath = join(out, "tokenizer.json");
  await saveTokenizer(tokenizer, tokenizerPath);
  await writeText(html, dataPage(report));
  terminal.document({ out, tokenizer: tokenizerPath, html, report });
  terminal.print(`${describeBuild(report)}\n\n${out}\n${html}`);
}

interface OpenedTokenizer {
  readonly tokenizer: Tokenizer;
  readonly borders: BorderTokens;
}

async function openTokenizer(file: BuildFile, terminal: Terminal): Promise<OpenedTokenizer> {
  const given = {
    ...(file.bosToken !== undefined && { bosToken: file.bosToken }),
    ...(file.eosToken !== undefined && { eosToken: file.eosToken }),
  };
  if (typeof file.tokenizer !== "string")
    return { tokenizer: await trainOnce(file, file.tokenizer, terminal), borders: given };
  const tokenizer = await loadTokenizer(file.tokenizer);
  return { tokenizer, borders: { ...(await readBorderTokens(file.tokenizer)), ...given } };
}

/** Train on the sources' own texts, or take what an earlier call of the same build has trained. */
async function trainOnce(
  { out, sources }: BuildFile,
  choices: TokenizerToTrain,
  terminal: Terminal,
): Promise<Tokenizer> {
  const [path, madePath] = [join(out, "tokenizer.json"), join(out, "tokenizer.training.json")];
  const made = JSON.stringify({ choices, sources });
  const found = await readFile(madePath, "utf8").catch(() => undefined);
  if (found === made) return loadTokenizer(path);
  const { tokenizer, seconds } = await trainTokenizer(textsOf(sources), choices, terminal);
  await mkdir(out, { recursive: true });
  await saveTokenizer(tokenizer, path);
  await writeText(madePath, made);
  terminal.note(
    `Trained a tokenizer of ${formatCount(tokenizer.vocabSize)} tokens in ${seconds.toFixed(1)} s: ${path}`,
  );
  return tokenizer;
}

/** Records that cannot be read are the build's to report. */
async function* textsOf(sources: BuildFile["sources"]): AsyncGenerator<string> {
  for (const { paths, textKey = "text", format, separator, encoding, quotes } of sources) {
    const all = { format, separator, encoding, quotes };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const options = { ...given, textKey, column: textKey, onReject: () => {} };
    for await (const { text } of readDocuments(paths, options)) yield text;
  }
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
