/** The pass that takes duplicates out: a part for each part of the first pass. */
import { join } from "node:path";
import { isDropped } from "../stage.ts";
import { StageRunner } from "../stage-runner.ts";
import { utf8Length } from "../utf8-length.ts";
import type { BuildContext } from "./build-context.ts";
import { CLEAN, withLengths } from "./clean-pass.ts";
import { countLength, type LengthCounts } from "./length-counts.ts";
import { mergeAll } from "./merge-reports.ts";
import { PartWriter, readPart } from "./part-files.ts";
import { partSeed } from "./part-seed.ts";
import { type Part, type PassState, readPass, writePass } from "./pass-state.ts";
import { dropSearches, searchDuplicates, searchesOf } from "./search-duplicates.ts";
import { removeParts } from "./work-folder.ts";

/** Where the second passes of the searches go on: the item of each. */
export interface KeepCursor {
  readonly positions: readonly number[];
  /** Seconds that the searches took, by the process that began this pass. */
  readonly searchSeconds: readonly number[];
}

/** Folder of the parts, and name of the state. */
export const KEEP = "keep";

/** Search for duplicates in the parts of the first pass and leave them out. Without a search, the first pass's own state. */
export async function runKeepPass(build: BuildContext, clean: PassState<unknown>): Promise<PassState<unknown>> {
  if (searchesOf(build.settings).length === 0) return clean;
  const state = await readPass<KeepCursor>(build.work, KEEP, { positions: [], searchSeconds: [] });
  if (state.complete) return state;
  const { results, reports } = await searchDuplicates(build, clean.parts);
  const { positions, searchSeconds } = state.cursor;
  const pass = new KeepPass(build, state, {
    stages: results.map((result, i) => result.keepStage({ from: positions[i] ?? 0 })),
    searchSeconds: searchSeconds.length > 0 ? searchSeconds : reports.map(({ seconds }) => seconds),
  });
  for (const part of clean.parts.slice(state.parts.length)) await pass.takePart(part, clean);
  const done = await pass.finish();
  await dropSearches(build.work);
  await removeParts(join(build.work, CLEAN));
  return done;
}

interface Keepers {
  readonly stages: readonly ReturnType<Awaited<ReturnType<typeof searchDuplicates>>["results"][number]["keepStage"]>[];
  readonly searchSeconds: readonly number[];
}

class KeepPass {
  readonly #build: BuildContext;
  readonly #keepers: Keepers;
  #state: PassState<KeepCursor>;

  constructor(build: BuildContext, state: PassState<KeepCursor>, keepers: Keepers) {
    this.#build = build;
    this.#state = state;
    this.#keepers = keepers;
  }

  async takePart(part: Part, clean: PassState<unknown>): Promise<void> {
    const { work, settings } = this.#build;
    const { stages } = this.#keepers;
    const number = this.#state.parts.length;
    const runner = new StageRunner(stages, {
      sampleCount: settings.sampleCount,
      seed: partSeed(settings.seed, number),
    });
    const writer = new PartWriter(join(work, KEEP, part.name));
    try {
      const { bytes, lengths } = await this.#copy(part, runner, writer, clean);
      await writer.commit();
      await this.#commit({ ...part, documents: writer.lines, bytes }, runner, lengths);
    } catch (error) {
      writer.discard();
      throw error;
    }
  }

  async finish(): Promise<PassState<KeepCursor>> {
    const { searchSeconds } = this.#keepers;
    const reports = this.#state.reports.map((report, i) => {
      const seconds = report.seconds + searchSeconds[i]!;
      return { ...report, seconds, megabytesPerSecond: seconds === 0 ? 0 : report.bytesIn / 1e6 / seconds };
    });
    this.#state = { ...this.#state, complete: true, reports };
    await writePass(this.#build.work, KEEP, this.#state);
    return this.#state;
  }

  async #copy(
    part: Part,
    runner: StageRunner,
    writer: PartWriter,
    clean: PassState<unknown>,
  ): Promise<{ bytes: number; lengths: LengthCounts }> {
    const done = clean.parts.slice(0, this.#state.parts.length);
    const total = sum(clean.parts, "documents");
    let documents = sum(done, "documents");
    const before = sum(done, "bytes");
    const lengths: LengthCounts = [];
    let bytes = 0;
    for await (const batch of readPart(join(this.#build.work, CLEAN, part.name), part.documents)) {
      for (const document of batch) {
        const result = runner.process(document);
        if (isDropped(result)) continue;
        writer.add(result);
        bytes += utf8Length(result.text);
        countLength(lengths, result.text.length);
      }
      documents += batch.length;
      this.#build.requireRunning();
      this.#build.progress({ stage: "keep", documents, total, bytes: before + bytes });
    }
    return { bytes, lengths };
  }

  async #commit(part: Part, runner: StageRunner, lengths: LengthCounts): Promise<void> {
    const { sampleCount, seed } = this.#build.settings;
    const { stages, searchSeconds } = this.#keepers;
    const stream = this.#state.parts.length + 1;
    this.#state = {
      version: 1,
      complete: false,
      cursor: { positions: stages.map(({ position }) => position), searchSeconds },
      parts: [...this.#state.parts, part],
      reports: mergeAll(this.#state.reports, runner.reports(), { sampleCount, seed, stream }),
      lengths: withLengths(this.#state.lengths, part.source, lengths),
    };
    await writePass(this.#build.work, KEEP, this.#state);
  }
}

function sum(parts: readonly Part[], key: "documents" | "bytes"): number {
  return parts.reduce((total, part) => total + part[key], 0);
}
