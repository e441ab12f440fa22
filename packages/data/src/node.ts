export { type PreparedBuild, type PreparedSource, prepareBuild, removeWork } from "./build/begin-build.ts";
export type {
  BuildConfig,
  BuildDedup,
  BuildFilters,
  BuildMix,
  BuildProgress,
  BuildRun,
  BuildSource,
  CorpusEncoder,
  FilterChoice,
} from "./build/build-config.ts";
export { buildCorpus } from "./build/build-corpus.ts";
export type { InputFile } from "./build/build-inputs.ts";
export type { BuildReport, SourceReport } from "./build/build-report.ts";
export type { LengthBin } from "./build/length-counts.ts";
export { type OpenDedupOptions, type OpenedDeduplicator, openDeduplicator } from "./dedup/open-deduplicator.ts";
export { FolderLockedError } from "./folder-lock.ts";
export {
  type DocumentFormat,
  type ReadOptions,
  type RecordOptions,
  readDocumentBatches,
  readDocuments,
} from "./read-documents.ts";
export { type FileRecord, readRecords } from "./read-records.ts";
export { createRejectsFile, type RejectsFile } from "./readers/create-rejects-file.ts";
export { measureReading, type ReadingFigures } from "./readers/measure-reading.ts";
export type { OnReject, Reject } from "./readers/reject.ts";
export { createLoader, type Loader } from "./shards/create-loader.ts";
export {
  type CommittedShards,
  createShardWriter,
  type ShardDocument,
  type ShardWriter,
  type ShardWriterOptions,
} from "./shards/create-shard-writer.ts";
export type { LoaderCursor, LoaderOptions } from "./shards/loader-options.ts";
export {
  type OpenShardsOptions,
  openShards,
  type Shard,
  type ShardSet,
  type StoredDocument,
} from "./shards/open-shards.ts";
export { DiskFullError, DiskWriteError, ShardError } from "./shards/shard-errors.ts";
export type { CorpusEntry, ShardEntry, ShardIndex } from "./shards/shard-index.ts";
