export { type DocumentFormat, type ReadOptions, readDocuments } from "./read-documents.ts";
export { type FileRecord, readRecords } from "./read-records.ts";
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
