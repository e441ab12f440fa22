/**
 * A corpus from files to token shards, in passes that each leave their results on disk: read, normalise, identify
 * languages and filter; search for duplicates; take them out; mix, encode and write shards.
 *
 * Every pass writes parts that are complete or not there, and a state that names them, in one durable step a part. So the
 * same call after an end at any moment (kill -9, a power cut, a full disk) goes on from the last part, and makes the same
 * shards as a build that nothing disturbed, byte for byte. Memory holds a few blocks of text, the deduplicator's share
 * (`memoryLimit`, and some 40 bytes a document) and one shard, whatever the size of the corpus.
 */
import { join } from "node:path";
import { EmptyDataError } from "../empty-data-error.ts";
import { lockFolder } from "../folder-lock.ts";
import { type BegunBuild, beginBuild, makeFolder } from "./begin-build.ts";
import type { BuildConfig, BuildRun } from "./build-config.ts";
import { BuildContext, BuildStopped } from "./build-context.ts";
import { writeInputs } from "./build-inputs.ts";
import { type BuildReport, REPORT } from "./build-report.ts";
import { CLEAN, runCleanPass } from "./clean-pass.ts";
import { collectRejects } from "./collect-rejects.ts";
import { runEncodePass } from "./encode-pass.ts";
import { KEEP, runKeepPass } from "./keep-pass.ts";
import { makeReport } from "./make-report.ts";
import { type PassState, writeJson } from "./pass-state.ts";
import { requireEncoder, resolveBuild } from "./resolve-build.ts";
import { removeWorkFolder } from "./work-folder.ts";

/**
 * Build a corpus, or go on with one; a finished one gives its report again.
 * @returns the report, or undefined when `run.signal` stopped it: the same call goes on.
 * @throws ConfigError, OutOfRangeError for a wrong config, or another than the one that the folders were begun with;
 * FormatError for files that cannot be read; EmptyDataError for a source without a document, and when nothing is left of all
 * of them; StateError for sources that have changed since the build began, or shards since it ended; FolderLockedError
 * while another build works in the same folder; DiskFullError, DiskWriteError: free space and call again.
 */
export async function buildCorpus(config: BuildConfig, run: BuildRun): Promise<BuildReport | undefined> {
  const started = performance.now();
  requireEncoder(run);
  const settings = resolveBuild(config, run.encoder);
  const build = new BuildContext(settings, run);
  const begun = await beginBuild(settings, run.encoder);
  try {
    const report = begun.report ?? (await runAlone(build, begun, started));
    if (!run.keepWork) await removeWorkFolder(build.work);
    return report;
  } catch (error) {
    if (error instanceof BuildStopped) return undefined;
    throw error;
  }
}

/** @throws FolderLockedError when another build works in the folder. */
async function runAlone(build: BuildContext, begun: BegunBuild, started: number): Promise<BuildReport> {
  const { work } = build.settings;
  await makeFolder(work);
  using _lock = lockFolder("buildCorpus", work, "build.lock");
  return await runPasses(build, begun, started);
}

async function runPasses(
  build: BuildContext,
  { files, stages, inputs }: BegunBuild,
  started: number,
): Promise<BuildReport> {
  const { out, work } = build.settings;
  for (const folder of [out, join(work, CLEAN), join(work, KEEP)]) await makeFolder(folder);
  const clean = await runCleanPass(build, files, stages);
  await collectRejects(build, clean.parts);
  const kept = await runKeepPass(build, clean);
  requireKept(build, clean, kept);
  const encoded = await runEncodePass(build, kept);
  const report = await makeReport(build, { files, clean, kept, encoded }, started);
  await writeInputs(out, inputs);
  await writeJson(join(out, REPORT), report);
  return report;
}

/** @throws EmptyDataError that says which stage dropped how many, when nothing is left. */
function requireKept({ work }: BuildContext, clean: PassState<unknown>, kept: PassState<unknown>): void {
  if (kept.parts.some(({ documents }) => documents > 0)) return;
  const reports = kept === clean ? clean.reports : [...clean.reports, ...kept.reports];
  const drops = reports.flatMap(({ name, documentsIn, documentsOut, dropped }) => {
    const reasons = Object.entries(dropped).map(([reason, count]) => `${reason} ${count}`);
    return reasons.length === 0 ? [] : [`${name} dropped ${documentsIn - documentsOut} (${reasons.join(", ")})`];
  });
  throw new EmptyDataError({
    op: "buildCorpus",
    operand: "sources",
    expected: "at least one document that passes all stages",
    actual: `none of ${reports[0]?.documentsIn ?? 0}: ${drops.join("; ")}`,
    hint: `Change these stages' settings; then delete ${work} to begin anew.`,
  });
}
