/** What comes before the first pass: everything is checked that can be, and nothing is written before. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ConfigError, StateError } from "@ds3/errors";
import type { ReadOptions } from "../read-documents.ts";
import { nodeDisk } from "../shards/disk.ts";
import { writeFailure } from "../shards/shard-errors.ts";
import { INDEX, readIndex, shardBytes, shardFiles } from "../shards/shard-index.ts";
import type { DocumentStage } from "../stage.ts";
import type { BuildConfig, CorpusEncoder } from "./build-config.ts";
import {
  describeInputs,
  INPUTS,
  type InputFile,
  listInputs,
  readInputs,
  readOptionsOf,
  requireSameInputs,
} from "./build-inputs.ts";
import { type BuildReport, REPORT } from "./build-report.ts";
import { isObject } from "./config-checks.ts";
import { createStages } from "./create-stages.ts";
import { damaged, readJson } from "./pass-state.ts";
import {
  type BuildSettings,
  fingerprintOf,
  plainFingerprintOf,
  resolveBuild,
  textFingerprintOf,
} from "./resolve-build.ts";
import { readNote, removeWorkFolder, requireSafeWork, writeNote } from "./work-folder.ts";

const OP = "buildCorpus";

/** A build that may begin, go on, or is done. */
export interface BegunBuild {
  /** Files of each source, in order. */
  readonly files: readonly (readonly string[])[];
  readonly inputs: readonly InputFile[];
  readonly stages: readonly DocumentStage[];
  /** Of a build that was finished before. */
  readonly report: BuildReport | undefined;
}

/** A source as a build reads it. */
export interface PreparedSource {
  readonly name: string;
  readonly files: readonly string[];
  /** For `readDocuments`. */
  readonly options: ReadOptions;
}

/** What `prepareBuild` found. */
export interface PreparedBuild {
  /** The folder of intermediate results; there already unless `isFinished`. */
  readonly work: string;
  readonly sources: readonly PreparedSource[];
  /** All files with sizes and times: equal while the texts are. */
  readonly inputs: readonly InputFile[];
  /** The folder of the shards holds an index: with another encoder `buildCorpus` does not go on. */
  readonly hasShards: boolean;
  readonly isFinished: boolean;
}

/**
 * Check all of a build that needs no encoder, and take the folder of intermediate results for it: before a tokenizer is
 * trained for it there, as `tokenizer.json` and `tokenizer.training.json`, which `removeWork` removes with the rest.
 * @throws as `buildCorpus` does.
 */
export async function prepareBuild(config: BuildConfig): Promise<PreparedBuild> {
  const settings = resolveBuild(config, undefined);
  const { files, inputs, report } = await beginBuild(settings, undefined);
  const sources = settings.sources.map((source, i) => {
    return { name: source.name, files: files[i]!, options: readOptionsOf(source) };
  });
  const hasShards = (await readIndex(OP, settings.out)) !== undefined;
  return { work: settings.work, sources, inputs, hasShards, isFinished: report !== undefined };
}

/** Remove what a build has left in its folder of intermediate results, see `keepWork`; and the folder if that was all. */
export async function removeWork(config: BuildConfig): Promise<void> {
  const settings = resolveBuild(config, undefined);
  await requireSafeWork(settings);
  await removeWorkFolder(settings.work);
}

/**
 * Check a build, and take its folder unless it is finished.
 * @param encoder what a finished build must have been made with, or undefined when that is not known yet.
 */
export async function beginBuild(settings: BuildSettings, encoder: CorpusEncoder | undefined): Promise<BegunBuild> {
  const stages = await createStages(settings);
  await requireSafeWork(settings);
  const path = join(settings.out, REPORT);
  const report = await readReport(path);
  if (report !== undefined && encoder !== undefined)
    requireSame(path, report.settings, fingerprintOf(settings, encoder));
  if (report !== undefined && encoder === undefined) {
    const { encoder: _encoder, fimRate: _fimRate, splitRate: _splitRate, ...plain } = report.settings;
    requireSame(path, plain, plainFingerprintOf(settings));
  }
  const files = await listInputs(settings);
  const inputs = await describeInputs(files);
  if (report === undefined) await takeWork(settings, inputs);
  else await requireFinished(settings, inputs);
  return { files, inputs, stages, report };
}

async function readReport(path: string): Promise<BuildReport | undefined> {
  const report = (await readJson(path)) as BuildReport | undefined;
  if (report === undefined || (report.format === "ds3-build-report" && isObject(report.settings))) return report;
  throw damaged(path, "no report of a build");
}

/** A finished build: are its shards there, whole by size, and its sources as they were? @throws StateError naming the file. */
async function requireFinished({ out }: BuildSettings, inputs: readonly InputFile[]): Promise<void> {
  const hint = `Put it back as it was, or clear ${out} and build again.`;
  const fail = (operand: string, expected: string, actual: string): StateError =>
    new StateError({ op: OP, operand, expected, actual, hint });
  const index = await readIndex(OP, out);
  if (index === undefined) throw fail(out, `${INDEX} beside ${REPORT}`, "none");
  if (!index.complete) throw fail(join(out, INDEX), "that of a finished set", "one that is not complete");
  for (const shard of index.shards) {
    const [paths, bytes] = [shardFiles(out, shard.name), shardBytes(index, shard)];
    for (const kind of ["tokens", "documents"] as const) {
      const found = (await stat(paths[kind]).catch(() => undefined))?.size;
      if (found === bytes[kind]) continue;
      throw fail(paths[kind], `a file of ${bytes[kind]} bytes`, found === undefined ? "none" : `${found} bytes`);
    }
  }
  const made = await readInputs(out);
  if (made === undefined) throw fail(out, `${INPUTS} beside ${REPORT}`, "none");
  requireSameInputs(made, inputs, `Put them back as they were, or clear ${out} and build again.`);
}

/** Make the folder the build's own, or go on in it. @throws ConfigError for another config, StateError for other files. */
async function takeWork(settings: BuildSettings, files: readonly InputFile[]): Promise<void> {
  const { work, out } = settings;
  const made = { settings: textFingerprintOf(settings), files };
  const found = await readNote(work);
  const hasResults = (await stat(join(work, "clean.json")).catch(() => undefined)) !== undefined;
  if (found === undefined || !hasResults) {
    await makeFolder(work);
    return writeNote(work, made);
  }
  requireSame(join(work, "build.json"), found.settings, made.settings);
  const hint = `Put them back as they were, or delete ${work} and ${out} to begin anew.`;
  requireSameInputs(found.files, files, hint);
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

/** Make a folder, durably. @throws DiskWriteError, DiskFullError. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await nodeDisk.syncFolder(dirname(resolve(path)));
  } catch (cause) {
    throw writeFailure(OP, path, cause);
  }
}
