/**
 * A corpus from files to token shards, in passes that each leave their results on disk: read, normalise, identify
 * languages and filter; search for duplicates; take them out; mix, encode and write shards.
 *
 * Every pass writes parts that are complete or not there, and a state that names them, in one durable step a part. So the
 * same call after an end at any moment (kill -9, a power cut, a full disk) goes on from the last part, and makes the same
 * shards as a build that nothing disturbed, byte for byte. Memory holds a few blocks of text, the deduplicator's share
 * (`memoryLimit`, and some 40 bytes a document) and one shard, whatever the size of the corpus.
 */
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ConfigError, StateError } from "@ds3/errors";
import { createC4 } from "../filters/c4.ts";
import { createFineweb } from "../filters/fineweb.ts";
import { createGopherQuality } from "../filters/gopher-quality.ts";
import { createGopherRepetition } from "../filters/gopher-repetition.ts";
import type { SettingsByLanguage } from "../filters/language-settings.ts";
import type { LanguageOptions } from "../filters/language-stage.ts";
import { createNormalizer } from "../normalize-text.ts";
import { listDocumentFiles } from "../read-documents.ts";
import { nodeDisk } from "../shards/disk.ts";
import { writeFailure } from "../shards/shard-errors.ts";
import { INDEX } from "../shards/shard-index.ts";
import type { DocumentStage } from "../stage.ts";
import type { BuildConfig, BuildRun, FilterChoice } from "./build-config.ts";
import { BuildContext, BuildStopped } from "./build-context.ts";
import { type BuildReport, REPORT } from "./build-report.ts";
import { CLEAN, runCleanPass } from "./clean-pass.ts";
import { collectRejects } from "./collect-rejects.ts";
import { runEncodePass } from "./encode-pass.ts";
import { KEEP, runKeepPass } from "./keep-pass.ts";
import { makeReport } from "./make-report.ts";
import { readJson, writeJson } from "./pass-state.ts";
import { type BuildSettings, fingerprintOf, resolveBuild, textFingerprintOf } from "./resolve-build.ts";

const OP = "buildCorpus";

/**
 * Build a corpus, or go on with one; a finished one gives its report again.
 * @returns the report, or undefined when `run.signal` stopped it: the same call goes on.
 * @throws ConfigError, OutOfRangeError for a wrong config, or another than the one that the folders were begun with;
 * FormatError and EmptyDataError for files that cannot be read; StateError for files that have changed since the build
 * began; DiskFullError, DiskWriteError: free space and call again.
 */
export async function buildCorpus(config: BuildConfig, run: BuildRun): Promise<BuildReport | undefined> {
  const started = performance.now();
  const build = new BuildContext(resolveBuild(config, run.encoder), run);
  try {
    const done = await readFinished(build);
    const report = done ?? (await runPasses(build, started));
    if (!run.keepWork) await rm(build.work, { recursive: true, force: true });
    return report;
  } catch (error) {
    if (error instanceof BuildStopped) return undefined;
    throw error;
  }
}

async function runPasses(build: BuildContext, started: number): Promise<BuildReport> {
  const { out, work } = build.settings;
  const stages = await createStages(build.settings);
  const files = await Promise.all(
    build.sources.map(({ paths, format }) => listDocumentFiles([paths].flat() as string[], format)),
  );
  for (const folder of [out, join(work, CLEAN), join(work, KEEP)]) await makeFolder(folder);
  await requireSameBuild(build, files);
  const clean = await runCleanPass(build, files, stages);
  await collectRejects(build, clean.parts);
  const kept = await runKeepPass(build, clean);
  const encoded = await runEncodePass(build, kept);
  const report = await makeReport(build, { files, clean, kept, encoded }, started);
  await writeJson(join(out, REPORT), report);
  return report;
}

/** The report of a build that was finished before. @throws ConfigError when it was another one. */
async function readFinished({ settings, encoder }: BuildContext): Promise<BuildReport | undefined> {
  const path = join(settings.out, REPORT);
  const report = (await readJson(path)) as BuildReport | undefined;
  if (report === undefined) return undefined;
  requireSame(path, report.settings, fingerprintOf(settings, encoder));
  if (await isThere(join(settings.out, INDEX))) return report;
  throw new StateError({
    op: OP,
    operand: settings.out,
    expected: `${INDEX} beside ${REPORT}`,
    actual: "none",
    hint: "Clear the folder and build again.",
  });
}

/** What a work folder was begun with. @throws ConfigError for another config, StateError for other files. */
async function requireSameBuild(
  { settings, work }: BuildContext,
  files: readonly (readonly string[])[],
): Promise<void> {
  const path = join(work, "build.json");
  const made = { version: 1, settings: textFingerprintOf(settings), files: await describeFiles(files) };
  const found = (await readJson(path)) as typeof made | undefined;
  if (found === undefined) return writeJson(path, made);
  requireSame(path, found.settings, made.settings);
  const known = new Map(found.files.map((file) => [file.path, JSON.stringify(file)]));
  const changed = made.files.find((file) => known.get(file.path) !== JSON.stringify(file));
  if (changed === undefined && known.size === made.files.length) return;
  throw new StateError({
    op: OP,
    operand: changed?.path ?? "sources",
    expected: "the files that the build was begun with",
    actual: changed === undefined ? "fewer files" : "another size or time of change, or a new file",
    hint: `Put them back as they were, or delete ${work} and ${settings.out} to begin anew.`,
  });
}

async function describeFiles(
  files: readonly (readonly string[])[],
): Promise<{ path: string; bytes: number; changed: number }[]> {
  const all = files.flat().map(async (path) => {
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: -1, mtimeMs: 0 })); // reading it says what is wrong
    return { path: resolve(path), bytes: size, changed: Math.trunc(mtimeMs) };
  });
  return Promise.all(all);
}

function requireSame(
  path: string,
  found: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
): void {
  for (const key of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
    const [expected = "nothing", actual = "nothing"] = [found[key], wanted[key]].map((value) => JSON.stringify(value));
    if (expected === actual) continue;
    const hint = "Go on with what the build was begun with, or build into another folder.";
    throw new ConfigError({ op: OP, operand: key, expected: `${expected}, as in ${path}`, actual, hint });
  }
}

/** The stages of the first pass, in FineWeb's order. */
async function createStages({ normalize, language, filters }: BuildSettings): Promise<DocumentStage[]> {
  const { gopherRepetition = true, gopherQuality = true, c4 = false, fineweb = false } = filters;
  const stages: (DocumentStage | undefined)[] = [
    normalize === false ? undefined : createNormalizer(normalize === true ? {} : normalize),
    await createLanguage(language),
    chosen(gopherRepetition, createGopherRepetition),
    chosen(gopherQuality, createGopherQuality),
    chosen(c4, createC4),
    chosen(fineweb, createFineweb),
  ];
  return stages.filter((stage) => stage !== undefined);
}

async function createLanguage(choice: boolean | LanguageOptions): Promise<DocumentStage | undefined> {
  if (choice === false) return undefined;
  const { createLanguageStage } = await import("../filters/language-stage.ts");
  return createLanguageStage(choice === true ? {} : choice);
}

function chosen<S>(
  choice: FilterChoice<S>,
  create: (settings?: SettingsByLanguage<S>) => DocumentStage,
): DocumentStage | undefined {
  if (choice === false) return undefined;
  return create(choice === true ? undefined : choice);
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await nodeDisk.syncFolder(dirname(resolve(path)));
  } catch (cause) {
    throw writeFailure(OP, path, cause);
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
