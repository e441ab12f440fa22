/** The tokenizer of a build: given, or trained once on the build's own sources. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type BuildConfig, type PreparedBuild, type PreparedSource, prepareBuild, readDocuments } from "@ds3/data/node";
import { ConfigError } from "@ds3/errors";
import type { Tokenizer } from "@ds3/tokenizer";
import { loadTokenizer, saveTokenizer } from "@ds3/tokenizer/node";
import type { BuildFile, TokenizerToTrain } from "./build-file.ts";
import { type BorderTokens, readBorderTokens } from "./corpus-encoder.ts";
import { formatCount } from "./format.ts";
import type { Terminal } from "./terminal.ts";
import { trainTokenizer } from "./train-tokenizer.ts";
import { writeText } from "./write-text.ts";

/** A tokenizer that is ready for its build. */
export interface BuildTokenizer {
  readonly tokenizer: Tokenizer;
  readonly borders: BorderTokens;
  /** Put it beside the shards; call it when the build is done. Returns the path. */
  place(): Promise<string>;
}

/** Names of the tokenizer and of what it was trained with, in the work folder and beside the shards. */
const [TOKENIZER, TRAINING] = ["tokenizer.json", "tokenizer.training.json"];

/**
 * Load the tokenizer of a build file, or train it: then only what is not there yet, after all of the build has been checked,
 * and into the work folder. A tokenizer beside shards is never touched before the build is done.
 * @throws as `prepareBuild`, loading and training; ConfigError for shards that were begun with another tokenizer.
 */
export async function openBuildTokenizer(
  file: BuildFile,
  build: BuildConfig,
  terminal: Terminal,
): Promise<BuildTokenizer> {
  const { bosToken, eosToken } = file;
  const given = { ...(bosToken !== undefined && { bosToken }), ...(eosToken !== undefined && { eosToken }) };
  if (typeof file.tokenizer === "string") {
    const tokenizer = await loadTokenizer(file.tokenizer);
    const borders = { ...(await readBorderTokens(file.tokenizer)), ...given };
    return { tokenizer, borders, place: () => place(tokenizer, file.out) };
  }
  const prepared = await prepareBuild(build);
  const made = JSON.stringify({ choices: file.tokenizer, sources: file.sources, files: prepared.inputs });
  const tokenizer =
    (await loadTrained(prepared, file.out, made)) ?? (await trainInto(prepared, file.tokenizer, made, terminal));
  return { tokenizer, borders: given, place: () => place(tokenizer, file.out, made) };
}

async function place(tokenizer: Tokenizer, out: string, made?: string): Promise<string> {
  const path = join(out, TOKENIZER);
  await saveTokenizer(tokenizer, path);
  if (made !== undefined) await writeText(join(out, TRAINING), made);
  return path;
}

/** What an earlier call of the same build has trained, if it did. */
async function loadTrained(
  { work, isFinished, hasShards }: PreparedBuild,
  out: string,
  made: string,
): Promise<Tokenizer | undefined> {
  const folders = isFinished ? [out, work] : [work];
  let other: string | undefined;
  for (const folder of folders) {
    const found = await readFile(join(folder, TRAINING), "utf8").catch(() => undefined);
    if (found === made) return loadTokenizer(join(folder, TOKENIZER));
    if (found !== undefined) other ??= join(folder, TRAINING);
  }
  if (!isFinished && (!hasShards || other === undefined)) return undefined;
  throw new ConfigError({
    op: "ds3 data build",
    operand: "tokenizer",
    expected: other === undefined ? "the tokenizer of the shards that are there" : `what ${other} tells`,
    actual: "another way to train one",
    hint: "Go on with what the build was begun with, or build into another folder.",
  });
}

async function trainInto(
  { work, sources }: PreparedBuild,
  choices: TokenizerToTrain,
  made: string,
  terminal: Terminal,
): Promise<Tokenizer> {
  const { tokenizer, seconds } = await trainTokenizer(textsOf(sources), choices, terminal);
  await rm(join(work, TRAINING), { force: true }); // it tells of the tokenizer that is written over
  await saveTokenizer(tokenizer, join(work, TOKENIZER));
  await writeText(join(work, TRAINING), made);
  terminal.note(`Trained a tokenizer of ${formatCount(tokenizer.vocabSize)} tokens in ${seconds.toFixed(1)} s.`);
  return tokenizer;
}

/** Records that cannot be read are the build's to report. */
async function* textsOf(sources: readonly PreparedSource[]): AsyncGenerator<string> {
  for (const { files, options } of sources) {
    for await (const { text } of readDocuments(files, { ...options, onReject: () => {} })) yield text;
  }
}
