/** Stages that change or drop documents one by one, and what each of them did. */
import type { Document } from "./document.ts";
import { StageRunner, type StageRunnerOptions } from "./stage-runner.ts";

/** Why a stage dropped a document. */
export interface Dropped {
  /** Filter and rule, e.g. `gopher.wordCount`. */
  readonly reason: string;
  /** The measured value against its bound, e.g. `12 words < 50`. */
  readonly detail?: string;
  /** The language to count the drop under, when the stage knows better than the document did. */
  readonly language?: string;
}

/** One step over documents: gives each back, as it was or changed, or says why it is dropped. */
export interface DocumentStage {
  /** Short and unique within a run, e.g. `gopherQuality`. */
  readonly name: string;
  process(document: Document): Document | Dropped;
}

/** A document as it came into a stage, and as it left it or why it did not. Texts are cut to `sampleLength`, around the first change. */
export interface StageSample {
  readonly before: string;
  /** Absent when dropped. */
  readonly after?: string;
  /** Absent when kept. */
  readonly reason?: string;
  readonly detail?: string;
  readonly source: string;
}

/** Documents of one language that came into and left a stage. */
export interface LanguageCounts {
  readonly documentsIn: number;
  readonly documentsOut: number;
  /** Documents dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** What one stage did in a run. Bytes are UTF-8 bytes of the texts. */
export interface StageReport {
  readonly name: string;
  readonly documentsIn: number;
  readonly documentsOut: number;
  /** Documents that left with another text than they came with. */
  readonly documentsChanged: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Time within the stage itself; reading and other stages are not in it. */
  readonly seconds: number;
  /** 1e6 bytes of input a second; 0 when nothing was measured. */
  readonly megabytesPerSecond: number;
  /** Documents dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** The same by language, `und` where a document names none. */
  readonly languages: Readonly<Record<string, LanguageCounts>>;
  /** Seeded reservoir samples: up to `sampleCount` for every reason, and as many of documents that were changed. */
  readonly samples: readonly StageSample[];
}

/** How documents are run through stages. */
export interface RunStagesOptions extends StageRunnerOptions {
  /** Called once, with one report a stage in order, when the documents end or the consumer stops. */
  readonly onReport?: (reports: readonly StageReport[]) => void;
}

/** True when a stage's answer is a drop. */
export function isDropped(result: Document | Dropped): result is Dropped {
  return "reason" in result;
}

/**
 * Run documents through stages, in order; what a stage drops goes no further. Nothing but counts and samples is kept,
 * so memory does not grow with the number of documents. See `StageRunner` for use without an iterator.
 * @throws ConfigError when two stages share a name; OutOfRangeError for a sample count or length that is no count.
 */
export async function* runStages(
  documents: AsyncIterable<Document> | Iterable<Document>,
  stages: readonly DocumentStage[],
  options: RunStagesOptions = {},
): AsyncGenerator<Document, void, undefined> {
  const runner = new StageRunner(stages, options);
  try {
    for await (const document of documents) {
      const result = runner.process(document);
      if (!isDropped(result)) yield result;
    }
  } finally {
    options.onReport?.(runner.reports());
  }
}
