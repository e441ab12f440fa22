/** Searches for duplicates over the parts of a pass: equal texts first, then near ones among what that leaves. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DedupReport, DedupResult, KeepStage } from "../dedup/dedup-result.ts";
import { type OpenDedupOptions, openDeduplicator } from "../dedup/open-deduplicator.ts";
import type { Document } from "../document.ts";
import { isDropped } from "../stage.ts";
import type { BuildConfig } from "./build-config.ts";
import type { BuildContext } from "./build-context.ts";
import { CLEAN } from "./clean-pass.ts";
import { readPart } from "./part-files.ts";
import type { Part } from "./pass-state.ts";

/** The searches that a config asks for, in order. */
export type DedupMode = "exact" | "minHash";

/** What the searches found. */
export interface Duplicates {
  readonly results: readonly DedupResult[];
  readonly reports: readonly DedupReport[];
}

/** The searches of a config, with their options. */
export function searchesOf({ dedup = {} }: Pick<BuildConfig, "dedup">): OpenDedupOptions["mode"][] {
  return (["exact", "minHash"] as const).filter((mode) => dedup[mode] !== false);
}

/** Search, or go on with it. A folder of keys is removed by `dropSearches` once nothing needs it. */
export async function searchDuplicates(build: BuildContext, parts: readonly Part[]): Promise<Duplicates> {
  const results: DedupResult[] = [];
  for (const mode of searchesOf(build.settings)) results.push(await search(build, mode, parts, results));
  return { results, reports: results.map(({ report }) => report) };
}

/** Remove the folders of the searches. */
export async function dropSearches(work: string): Promise<void> {
  for (const mode of ["exact", "minHash"] as const) await rm(folderOf(work, mode), { recursive: true, force: true });
}

async function search(
  build: BuildContext,
  mode: DedupMode,
  parts: readonly Part[],
  earlier: readonly DedupResult[],
): Promise<DedupResult> {
  const { memoryLimit = 2 ** 28, [mode]: choice = true } = build.settings.dedup;
  const options = typeof choice === "boolean" ? {} : choice;
  using deduplicator = openDeduplicator({ mode, memoryLimit, directory: folderOf(build.work, mode), ...options });
  const stages = earlier.map((result) => result.keepStage());
  const counts = { seen: 0, total: parts.reduce((sum, { documents }) => sum + documents, 0), bytes: 0 };
  const known = deduplicator.documents;
  let kept = 0;
  for (const part of parts) {
    for await (const batch of readPart(join(build.work, CLEAN, part.name), part.documents)) {
      for (const document of batch) {
        const left = keepBy(stages, document);
        if (left !== undefined && kept++ >= known) deduplicator.add(left);
        counts.bytes += document.text.length;
      }
      counts.seen += batch.length;
      build.requireRunning();
      build.progress({ stage: `dedup.${mode}`, documents: counts.seen, total: counts.total, bytes: counts.bytes });
    }
  }
  return await deduplicator.finish();
}

function keepBy(stages: readonly KeepStage[], document: Document): Document | undefined {
  let left = document;
  for (const stage of stages) {
    const result = stage.process(left);
    if (isDropped(result)) return undefined;
    left = result;
  }
  return left;
}

function folderOf(work: string, mode: DedupMode): string {
  return join(work, `dedup-${mode}`);
}
