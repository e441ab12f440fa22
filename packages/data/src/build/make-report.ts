import { openShards } from "../shards/open-shards.ts";
import type { StageReport } from "../stage.ts";
import type { BuildContext } from "./build-context.ts";
import type { BuildReport, SourceReport } from "./build-report.ts";
import type { Encoded } from "./encode-pass.ts";
import { addLengths, countLength, type LengthCounts, lengthBins } from "./length-counts.ts";
import type { Part, PassState } from "./pass-state.ts";
import { fingerprintOf } from "./resolve-build.ts";

/** What the passes left to report on. */
export interface Passes {
  readonly files: readonly (readonly string[])[];
  readonly clean: PassState<unknown>;
  readonly kept: PassState<unknown>;
  readonly encoded: Encoded;
}

/** The report of a finished build. @throws ShardError when a shard cannot be read back. */
export async function makeReport(build: BuildContext, passes: Passes, started: number): Promise<BuildReport> {
  const { clean, kept, encoded } = passes;
  const { index, figures } = encoded;
  const { dtype, vocabSize, tokens, documents, shards } = index;
  const stages = kept === clean ? clean.reports : [...clean.reports, ...kept.reports];
  return {
    format: "ds3-build-report",
    version: 1,
    settings: fingerprintOf(build.settings, build.encoder),
    sources: build.sources.map((_, source) => sourceReport(build, passes, source)),
    stages: [...stages, encodeStage(encoded)],
    lengths: lengthBins(kept.lengths.reduce(addLengths, [])),
    tokenLengths: lengthBins(await countTokenLengths(build.settings.out)),
    encoding: figures,
    shards: { dtype, vocabSize, tokens, documents, files: shards.length },
    rejects: clean.parts.reduce((sum, part) => sum + part.rejects, 0),
    seconds: (performance.now() - started) / 1000,
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  };
}

function sourceReport(
  { sources }: BuildContext,
  { files, clean, kept, encoded }: Passes,
  source: number,
): SourceReport {
  const { name } = sources[source]!;
  const { index, mix } = encoded;
  const { epochs, amount } = mix.sources.find((each) => each.name === name)!;
  const { documents = 0, tokens = 0 } = index.corpora.find((corpus) => corpus.name === name) ?? {};
  return {
    name,
    files: files[source]!.length,
    rejects: sumOf(clean.parts, source, "rejects"),
    documentsKept: sumOf(kept.parts, source, "documents"),
    bytesKept: sumOf(kept.parts, source, "bytes"),
    repeat: epochs,
    documents,
    bytes: amount,
    tokens,
    tokenShare: index.tokens === 0 ? 0 : tokens / index.tokens,
    lengths: lengthBins([...(kept.lengths[source] ?? [])]),
  };
}

function sumOf(parts: readonly Part[], source: number, key: "documents" | "bytes" | "rejects"): number {
  return parts.reduce((sum, part) => sum + (part.source === source ? part[key] : 0), 0);
}

/** Encoding as a stage among the others. */
function encodeStage({ index, figures, seconds, bytesEncoded }: Encoded): StageReport {
  const { documents, bytes, tokens } = figures;
  return {
    name: "encode",
    documentsIn: documents,
    documentsOut: documents,
    documentsChanged: 0,
    bytesIn: bytes,
    bytesOut: tokens * (index.dtype === "uint16" ? 2 : 4),
    seconds,
    megabytesPerSecond: seconds === 0 ? 0 : bytesEncoded / 1e6 / seconds,
    dropped: {},
    languages: {},
    samples: [],
  };
}

async function countTokenLengths(out: string): Promise<LengthCounts> {
  const set = await openShards(out, { verify: "never" });
  const counts: LengthCounts = [];
  for (let shard = 0; shard < set.index.shards.length; shard++) {
    const { starts } = await set.read(shard);
    for (let d = 0; d + 1 < starts.length; d++) countLength(counts, starts[d + 1]! - starts[d]!);
  }
  return counts;
}
