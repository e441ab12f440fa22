/**
 * The first pass: read every source, normalise, identify languages, filter; what is left lies in parts.
 *
 * A part is cut when so much text has been read, or a source ends. With it, in one durable step, goes the place where
 * reading goes on: source, file, documents taken from it. So a resumed pass cuts the same parts as an undisturbed one.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Document } from "../document.ts";
import { EmptyDataError } from "../empty-data-error.ts";
import { readDocumentBatches } from "../read-documents.ts";
import type { Reject } from "../readers/reject.ts";
import { type DocumentStage, isDropped } from "../stage.ts";
import { StageRunner } from "../stage-runner.ts";
import { StageTally } from "../stage-tally.ts";
import { utf8Length } from "../utf8-length.ts";
import type { BuildSource } from "./build-config.ts";
import type { BuildContext } from "./build-context.ts";
import { readOptionsOf } from "./build-inputs.ts";
import { emptyAllowed, skipDocuments } from "./document-batches.ts";
import { addLengths, countLength, type LengthCounts } from "./length-counts.ts";
import { mergeAll } from "./merge-reports.ts";
import { PartWriter } from "./part-files.ts";
import { partSeed } from "./part-seed.ts";
import { type PassState, readPass, writePass } from "./pass-state.ts";

/** Where reading goes on. */
export interface CleanCursor {
  readonly source: number;
  readonly file: number;
  /** Taken from that file. */
  readonly documents: number;
  readonly rejects: number;
  /** Of the source so far; what tells an empty one. */
  readonly sourceDocuments: number;
  /** Records of the source that could not be read so far, and where and why the first; "" for none. */
  readonly sourceRejects: number;
  readonly firstReject: string;
  /** Of all sources. */
  readonly totalDocuments: number;
  readonly totalBytes: number;
}

const START: CleanCursor = {
  source: 0,
  file: 0,
  documents: 0,
  rejects: 0,
  sourceDocuments: 0,
  sourceRejects: 0,
  firstReject: "",
  totalDocuments: 0,
  totalBytes: 0,
};

/** Folder of the parts, and name of the state. */
export const CLEAN = "clean";

/**
 * Run the pass, or what is left of it.
 * @param files of each source, in order.
 * @param stages in the order in which documents pass them.
 * @throws what readers throw; EmptyDataError for a source without a document; DiskWriteError, DiskFullError.
 */
export async function runCleanPass(
  build: BuildContext,
  files: readonly (readonly string[])[],
  stages: readonly DocumentStage[],
): Promise<PassState<CleanCursor>> {
  const state = await readPass(build.work, CLEAN, START);
  if (state.complete) return state;
  const pass = new CleanPass(build, stages, state);
  try {
    for (let source = state.cursor.source; source < files.length; source++)
      await pass.takeSource(source, files[source]!);
  } finally {
    pass.close();
  }
  return pass.finish();
}

class CleanPass {
  readonly #build: BuildContext;
  readonly #stages: readonly DocumentStage[];
  #state: PassState<CleanCursor>;
  #cursor: CleanCursor;
  #open: OpenPart | undefined;

  constructor(build: BuildContext, stages: readonly DocumentStage[], state: PassState<CleanCursor>) {
    this.#build = build;
    this.#stages = stages;
    this.#state = state;
    this.#cursor = state.cursor;
  }

  async takeSource(source: number, files: readonly string[]): Promise<void> {
    for (let file = this.#cursor.file; file < files.length; file++) await this.#takeFile(source, file, files[file]!);
    requireDocuments(this.#build.sources[source]!, this.#cursor);
    this.#cursor = {
      ...this.#cursor,
      source: source + 1,
      file: 0,
      sourceDocuments: 0,
      sourceRejects: 0,
      firstReject: "",
    };
    await this.#commit();
  }

  async finish(): Promise<PassState<CleanCursor>> {
    this.#state = { ...this.#state, complete: true };
    await writePass(this.#build.work, CLEAN, this.#state);
    this.#progress(true);
    return this.#state;
  }

  close(): void {
    this.#open?.discard();
  }

  async #takeFile(source: number, file: number, path: string): Promise<void> {
    const { documents, rejects } = this.#cursor;
    let rejectsToSkip = rejects;
    const onReject = (reject: Reject): void => {
      if (rejectsToSkip-- > 0) return;
      this.#part(source).reject(reject);
      const { rejects: known, sourceRejects, firstReject } = this.#cursor;
      const first = firstReject || `${reject.file}:${reject.line}: ${reject.reason}`;
      this.#cursor = { ...this.#cursor, rejects: known + 1, sourceRejects: sourceRejects + 1, firstReject: first };
    };
    const options = readOptionsOf(this.#build.sources[source]!);
    const keep = this.#build.settings.badRecords === "keep";
    const batches = readDocumentBatches([path], keep ? { ...options, onReject } : options);
    await this.#takeBatches(source, skipDocuments(emptyAllowed(batches), documents));
    this.#cursor = { ...this.#cursor, file: file + 1, documents: 0, rejects: 0 };
  }

  async #takeBatches(source: number, batches: AsyncGenerator<readonly Document[]>): Promise<void> {
    const { partUnits } = this.#build.settings;
    let start = performance.now();
    for await (const batch of batches) {
      this.#part(source).readSeconds += (performance.now() - start) / 1000;
      for (const document of batch) {
        const part = this.#part(source);
        this.#advance(part.take(document));
        if (part.unitsRead >= partUnits) await this.#commit();
      }
      this.#build.requireRunning();
      this.#progress();
      start = performance.now();
    }
  }

  #advance(bytes: number): void {
    const { documents, sourceDocuments, totalDocuments, totalBytes } = this.#cursor;
    this.#cursor = {
      ...this.#cursor,
      documents: documents + 1,
      sourceDocuments: sourceDocuments + 1,
      totalDocuments: totalDocuments + 1,
      totalBytes: totalBytes + bytes,
    };
  }

  #part(source: number): OpenPart {
    this.#open ??= new OpenPart(this.#build, this.#stages, source, this.#state.parts.length);
    return this.#open;
  }

  async #commit(): Promise<void> {
    const part = this.#open;
    const { sampleCount, seed } = this.#build.settings;
    let { parts, reports, lengths } = this.#state;
    if (part !== undefined) {
      const stream = this.#state.parts.length + 1;
      parts = [...parts, await part.commit()];
      reports = mergeAll(reports, part.reports(), { sampleCount, seed, stream });
      lengths = withLengths(lengths, part.source, part.lengths);
    }
    this.#state = { version: 1, complete: false, cursor: this.#cursor, parts, reports, lengths };
    this.#open = undefined;
    await writePass(this.#build.work, CLEAN, this.#state);
  }

  #progress(isLast = false): void {
    const { totalDocuments: documents, totalBytes: bytes } = this.#cursor;
    this.#build.progress({ stage: "clean", documents, bytes }, isLast);
  }
}

/** A part that is being written. */
class OpenPart {
  readonly source: number;
  readonly lengths: LengthCounts = [];
  unitsRead = 0;
  readSeconds = 0;
  readonly #given: BuildSource;
  readonly #name: string;
  readonly #documents: PartWriter;
  readonly #read: StageTally;
  readonly #runner: StageRunner;
  #rejects: PartWriter | undefined;
  #bytes = 0;

  constructor(
    { work, settings, sources }: BuildContext,
    stages: readonly DocumentStage[],
    source: number,
    number: number,
  ) {
    const { sampleCount, seed } = settings;
    this.source = source;
    this.#given = sources[source]!;
    this.#name = `part-${String(number).padStart(5, "0")}.jsonl`;
    this.#documents = new PartWriter(join(work, CLEAN, this.#name));
    this.#read = new StageTally({ name: "read", sampleCount, sampleLength: 1000, seed, stream: 0 });
    this.#runner = new StageRunner(stages, { sampleCount, seed: partSeed(seed, number) });
  }

  /** Take a document through the stages; returns the bytes of its text. */
  take(document: Document): number {
    const { name: corpus, language } = this.#given;
    const given = { ...document, corpus, ...(language && { language }) };
    const bytes = utf8Length(document.text);
    this.unitsRead += document.text.length;
    this.#read.count(given, given, 0);
    const result = this.#runner.process(given);
    if (isDropped(result)) return bytes;
    this.#documents.add(result);
    this.#bytes += result.text === document.text ? bytes : utf8Length(result.text);
    countLength(this.lengths, result.text.length);
    return bytes;
  }

  reject(reject: Reject): void {
    this.unitsRead += reject.text.length;
    this.#rejects ??= new PartWriter(rejectsOf(this.#documents.path));
    this.#rejects.add(reject);
    const document = { text: reject.text, source: `${reject.file}:${reject.line}`, corpus: this.#given.name };
    this.#read.count(document, { reason: "read.rejected", detail: reject.reason }, 0);
  }

  reports(): ReturnType<StageRunner["reports"]> {
    const read = this.#read.report();
    const seconds = this.readSeconds;
    const megabytesPerSecond = seconds === 0 ? 0 : read.bytesIn / 1e6 / seconds;
    return [{ ...read, seconds, megabytesPerSecond }, ...this.#runner.reports()];
  }

  async commit(): Promise<PassState<CleanCursor>["parts"][number]> {
    if (this.#rejects !== undefined) await this.#rejects.commit();
    else await rm(rejectsOf(this.#documents.path), { force: true });
    await this.#documents.commit();
    const { lines: documents } = this.#documents;
    return { name: this.#name, source: this.source, documents, bytes: this.#bytes, rejects: this.#rejects?.lines ?? 0 };
  }

  discard(): void {
    this.#documents.discard();
    this.#rejects?.discard();
  }
}

/** The file of rejected records beside a part. */
export function rejectsOf(part: string): string {
  return part.replace(/\.jsonl$/, ".rejects.jsonl");
}

/** Lengths by source, with more of one of them. */
export function withLengths(lengths: readonly LengthCounts[], source: number, more: LengthCounts): LengthCounts[] {
  const count = Math.max(lengths.length, source + 1);
  return Array.from({ length: count }, (_, i) => addLengths(lengths[i] ?? [], i === source ? more : []));
}

function requireDocuments({ name, paths }: BuildSource, cursor: CleanCursor): void {
  const { sourceDocuments, sourceRejects, firstReject } = cursor;
  if (sourceDocuments > 0) return;
  const operand = `source "${name}" (${[paths].flat().join(", ")})`;
  const expected = "at least one document that is not blank";
  const actual = sourceRejects === 0 ? "none" : `none, and ${sourceRejects} rejected, first ${firstReject}`;
  throw new EmptyDataError({ op: "buildCorpus", operand, expected, actual });
}
