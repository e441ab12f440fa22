import type { Document } from "./document.ts";
import { createRandom, type Random } from "./random.ts";
import type { Dropped, LanguageCounts, StageReport, StageSample } from "./stage.ts";
import { utf8Length } from "./utf8-length.ts";

/** The stage that is counted, and its share of the samples. */
export interface StageTallyOptions {
  readonly name: string;
  readonly sampleCount: number;
  readonly sampleLength: number;
  readonly seed: number;
  /** The stage's own stream of random numbers. */
  readonly stream: number;
}

interface Counts {
  documentsIn: number;
  documentsOut: number;
  dropped: Map<string, number>;
}

/** Samples of one kind: all documents of it seen so far were equally likely to be kept (Vitter's algorithm R). */
interface Reservoir {
  seen: number;
  readonly samples: StageSample[];
}

const CHANGED = "";

/** Counts of one stage. */
export class StageTally {
  readonly #options: StageTallyOptions;
  readonly #random: Random;
  readonly #languages = new Map<string, Counts>();
  readonly #reservoirs = new Map<string, Reservoir>();
  #changed = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #seconds = 0;

  constructor(options: StageTallyOptions) {
    this.#options = options;
    this.#random = createRandom({ seed: options.seed, stream: options.stream });
  }

  /** Count what the stage made of one document, and the time it took. */
  count(before: Document, result: Document | Dropped, seconds: number): void {
    const bytes = utf8Length(before.text);
    const counts = this.#countsOf(result.language ?? before.language ?? "und");
    counts.documentsIn++;
    this.#bytesIn += bytes;
    this.#seconds += seconds;
    if ("reason" in result) {
      counts.dropped.set(result.reason, (counts.dropped.get(result.reason) ?? 0) + 1);
      this.#sample(result.reason, before, result);
      return;
    }
    counts.documentsOut++;
    const isChanged = result.text !== before.text;
    this.#bytesOut += isChanged ? utf8Length(result.text) : bytes;
    if (!isChanged) return;
    this.#changed++;
    this.#sample(CHANGED, before, result);
  }

  /** What was counted so far. */
  report(): StageReport {
    const languages = [...this.#languages.values()];
    const dropped = new Map<string, number>();
    for (const counts of languages)
      for (const [reason, n] of counts.dropped) dropped.set(reason, (dropped.get(reason) ?? 0) + n);
    return {
      name: this.#options.name,
      documentsIn: sum(languages, (counts) => counts.documentsIn),
      documentsOut: sum(languages, (counts) => counts.documentsOut),
      documentsChanged: this.#changed,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      seconds: this.#seconds,
      megabytesPerSecond: this.#seconds === 0 ? 0 : this.#bytesIn / 1e6 / this.#seconds,
      dropped: Object.fromEntries(dropped),
      languages: Object.fromEntries([...this.#languages].map(([language, counts]) => [language, frozen(counts)])),
      samples: [...this.#reservoirs.values()].flatMap((reservoir) => reservoir.samples),
    };
  }

  #countsOf(language: string): Counts {
    let counts = this.#languages.get(language);
    if (counts === undefined) {
      counts = { documentsIn: 0, documentsOut: 0, dropped: new Map() };
      this.#languages.set(language, counts);
    }
    return counts;
  }

  #sample(kind: string, before: Document, result: Document | Dropped): void {
    const { sampleCount } = this.#options;
    if (sampleCount === 0) return;
    const reservoir = this.#reservoirs.get(kind) ?? { seen: 0, samples: [] };
    this.#reservoirs.set(kind, reservoir);
    const slot = reservoir.seen < sampleCount ? reservoir.seen : this.#random.below(reservoir.seen + 1);
    reservoir.seen++;
    if (slot < sampleCount) reservoir.samples[slot] = this.#sampleOf(before, result);
  }

  #sampleOf({ text, source }: Document, result: Document | Dropped): StageSample {
    if ("reason" in result) {
      const detail = result.detail === undefined ? {} : { detail: result.detail };
      return { before: this.#cut(text, 0), reason: result.reason, ...detail, source };
    }
    const from = this.#partToShow(firstDifference(text, result.text));
    return { before: this.#cut(text, from), after: this.#cut(result.text, from), source };
  }

  /** Where a sample begins, so that the first change is in it: at the text's begin as long as that does. */
  #partToShow(change: number): number {
    const { sampleLength } = this.#options;
    return change < sampleLength * 0.75 ? 0 : change - Math.floor(sampleLength / 4);
  }

  /** Cut to the sample length; half a surrogate pair becomes U+FFFD, and the long text is not kept alive by its slice. */
  #cut(text: string, from: number): string {
    const { sampleLength } = this.#options;
    return text.length <= sampleLength && from === 0
      ? text
      : new TextDecoder().decode(new TextEncoder().encode(text.slice(from, from + sampleLength)));
  }
}

/** The first place where two texts differ, or the length of the shorter one. */
function firstDifference(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a.charCodeAt(i) !== b.charCodeAt(i)) return i;
  return length;
}

function frozen({ documentsIn, documentsOut, dropped }: Counts): LanguageCounts {
  return { documentsIn, documentsOut, dropped: Object.fromEntries(dropped) };
}

function sum(counts: readonly Counts[], value: (counts: Counts) => number): number {
  return counts.reduce((total, one) => total + value(one), 0);
}
