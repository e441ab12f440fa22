import { createRandom, type Random } from "../random.ts";
import type { LanguageCounts, StageReport, StageSample } from "../stage.ts";

/** How the samples of two reports become one list. */
export interface MergeOptions {
  readonly sampleCount: number;
  readonly seed: number;
  /** Number of the merge: each draws from a stream of its own. */
  readonly stream: number;
}

/** The report of a stage over two runs of documents: as if it had been one, but that samples are drawn anew. */
export function mergeReports(a: StageReport, b: StageReport, options: MergeOptions): StageReport {
  const seconds = a.seconds + b.seconds;
  const bytesIn = a.bytesIn + b.bytesIn;
  return {
    name: a.name,
    documentsIn: a.documentsIn + b.documentsIn,
    documentsOut: a.documentsOut + b.documentsOut,
    documentsChanged: a.documentsChanged + b.documentsChanged,
    bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    seconds,
    megabytesPerSecond: seconds === 0 ? 0 : bytesIn / 1e6 / seconds,
    dropped: addCounts(a.dropped, b.dropped),
    languages: addLanguages(a.languages, b.languages),
    samples: mergeSamples(a, b, options),
  };
}

/** Reports of the same stages, one by one; the others' alone where there are none yet. */
export function mergeAll(a: readonly StageReport[], b: readonly StageReport[], options: MergeOptions): StageReport[] {
  if (a.length === 0) return [...b];
  return a.map((report, stage) => mergeReports(report, b[stage]!, options));
}

function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const sum = new Map(Object.entries(a));
  for (const [reason, count] of Object.entries(b)) sum.set(reason, (sum.get(reason) ?? 0) + count);
  return Object.fromEntries(sum);
}

function addLanguages(a: StageReport["languages"], b: StageReport["languages"]): StageReport["languages"] {
  const sum = new Map(Object.entries(a));
  for (const [language, counts] of Object.entries(b)) {
    const known = sum.get(language);
    sum.set(language, known === undefined ? counts : addLanguage(known, counts));
  }
  return Object.fromEntries(sum);
}

function addLanguage(a: LanguageCounts, b: LanguageCounts): LanguageCounts {
  return {
    documentsIn: a.documentsIn + b.documentsIn,
    documentsOut: a.documentsOut + b.documentsOut,
    dropped: addCounts(a.dropped, b.dropped),
  };
}

/** Of every kind (a reason, or "changed") a uniform sample of both sides' documents. */
function mergeSamples(a: StageReport, b: StageReport, options: MergeOptions): StageSample[] {
  const random = createRandom(options);
  const kinds = new Set([...a.samples, ...b.samples].map(kindOf));
  return [...kinds].flatMap((kind) => {
    const sides = [a, b].map((report) => ({
      samples: report.samples.filter((sample) => kindOf(sample) === kind),
      left: kind === "" ? report.documentsChanged : (report.dropped[kind] ?? 0),
    }));
    return draw(sides[0]!, sides[1]!, options.sampleCount, random);
  });
}

interface Side {
  readonly samples: StageSample[];
  /** Documents of the kind, sampled or not, that were not drawn yet. */
  left: number;
}

/** Without replacement: each draw takes a side by how many documents it has left, then one of its samples. */
function draw(a: Side, b: Side, count: number, random: Random): StageSample[] {
  const drawn: StageSample[] = [];
  while (drawn.length < count && a.samples.length + b.samples.length > 0) {
    const side = random.nextFloat() * (a.left + b.left) < a.left ? a : b;
    const from = side.samples.length > 0 ? side : side === a ? b : a;
    drawn.push(...from.samples.splice(random.below(from.samples.length), 1));
    from.left--;
  }
  return drawn;
}

function kindOf({ reason }: StageSample): string {
  return reason ?? "";
}
