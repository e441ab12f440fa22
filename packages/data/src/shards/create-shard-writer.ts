/**
 * Token ids of documents as shards on disk, so that an end at any moment (a kill, a crash, a power cut, a full disk) loses
 * nothing that the index names, and a writer that resumes doubles nothing.
 *
 * A shard is kept in memory until it is full. Then: both files are written beside their names and synced; they get their
 * names; the folder is synced; the index, which names them, is written the same way. Until that last rename the shard is
 * not in the set, from then on it is. So the documents in the set are always the first `committed.documents` that were
 * added. Where shards are cut depends on the documents alone: a set that was resumed equals one that was not, byte for byte.
 */
import type { Disk } from "./disk.ts";
import { nodeDisk } from "./disk.ts";
import type { ShardIndex } from "./shard-index.ts";
import { openShardWriter } from "./shard-writer.ts";

/** Options of `createShardWriter`. */
export interface ShardWriterOptions {
  /** Ids are below it. Up to 65,536 an id takes two bytes, above it four. */
  readonly vocabSize: number;
  /** A shard takes no further document that would bring it above so many tokens; one longer fills one alone. Default 2^23. */
  readonly shardTokens?: number;
  /** Go on with the set in the folder; without one, begin. Default false: a set there is refused. */
  readonly resume?: boolean;
  /** What the set is made with, plain JSON: kept in the index; must be equal to resume. */
  readonly settings?: unknown;
}

/** What is known of a document beside its ids. */
export interface ShardDocument {
  /** Name of the set that it comes from. */
  readonly corpus?: string;
  /** Weight of its tokens in the loss, from 0. Default 1. */
  readonly weight?: number;
  /** Where the next document comes from, plain JSON: what `committed.cursor` gives once this document is in the set. */
  readonly cursor?: unknown;
}

/** What the index on disk names. */
export interface CommittedShards {
  readonly documents: number;
  readonly tokens: number;
  /** `cursor` of the last document, null when it had none. */
  readonly cursor: unknown;
}

/** Takes documents one after the other. */
export interface ShardWriter {
  /** Safe on disk. After a resume: what not to add again. */
  readonly committed: CommittedShards;
  /** Documents added in all, by earlier writers of the set too. */
  readonly documents: number;
  readonly complete: boolean;
  /**
   * Take a document; one without ids counts, too. Await each call before the next.
   * @throws OutOfRangeError for an id or weight that is none; DiskFullError, DiskWriteError: the document was not taken, and
   * the same call may be made again; StateError after `finish` or `close`, when the folder was taken by another writer, or while another call is under way.
   */
  add(ids: ArrayLike<number>, document?: ShardDocument): Promise<void>;
  /**
   * Write the last shard and mark the set as complete; again: nothing.
   * @throws as `add` does; it may be called again.
   */
  finish(): Promise<ShardIndex>;
  /**
   * Give the folder free for another writer, as `finish` does; what is not committed is not in the set. Again: nothing.
   * @throws StateError while another call is under way.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Open a folder for shards; it is made where it is missing. One writer a folder: a file `shards.lock` in it names the
 * process until `finish` or `close`; that of a killed process is taken over.
 *
 * Accepts: vocabSize up to 2^31, up to 65,536 corpora. Memory: one shard.
 * @throws StateError for a folder with a set when `resume` is not given; ConfigError when a set to resume was made with
 * other options; FolderLockedError naming the process that writes there; ShardError when it is torn; DiskFullError, DiskWriteError; OutOfRangeError.
 */
export function createShardWriter(directory: string, options: ShardWriterOptions): Promise<ShardWriter> {
  const disk: Disk = nodeDisk;
  return openShardWriter(directory, options, disk);
}
