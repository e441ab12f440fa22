import type { ShardIndex } from "../shards/shard-index.ts";
import type { StageReport } from "../stage.ts";
import type { LengthBin } from "./length-counts.ts";

/** One source through the whole build. Bytes are UTF-8 bytes of text. */
export interface SourceReport {
  readonly name: string;
  readonly files: number;
  /** Records that could not be read. */
  readonly rejects: number;
  /** What filters and deduplication left. */
  readonly documentsKept: number;
  readonly bytesKept: number;
  /** How often its documents come in the shards, on average. */
  readonly repeat: number;
  /** In the shards. */
  readonly documents: number;
  readonly bytes: number;
  readonly tokens: number;
  /** Of all tokens. */
  readonly tokenShare: number;
  /** UTF-16 units of a document that was kept. */
  readonly lengths: readonly LengthBin[];
}

/** What a build did: report.json beside the shards. */
export interface BuildReport {
  readonly format: "ds3-build-report";
  readonly version: 1;
  /** What the set was made with; see `BuildConfig`. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly sources: readonly SourceReport[];
  /** From reading to encoding, in order. In `encode` bytes out are those of the ids, and time is that of the last call. */
  readonly stages: readonly StageReport[];
  /** UTF-16 units of a document: those kept. */
  readonly lengths: readonly LengthBin[];
  /** Tokens of a document in the shards. */
  readonly tokenLengths: readonly LengthBin[];
  readonly encoding: {
    readonly documents: number;
    readonly bytes: number;
    readonly tokens: number;
    readonly fimDocuments: number;
    readonly splitTokens: number;
  };
  readonly shards: Pick<ShardIndex, "dtype" | "vocabSize" | "tokens" | "documents"> & { readonly files: number };
  /** Records in rejects.jsonl. */
  readonly rejects: number;
  /** Wall time of the call that finished the build, and the largest resident set of its process in bytes. */
  readonly seconds: number;
  readonly peakResidentBytes: number;
}

/** The name of the report in the folder of the shards. */
export const REPORT = "report.json";
