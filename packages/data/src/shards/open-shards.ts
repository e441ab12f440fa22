import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { StateError } from "@ds3/errors";
import { requireOptions } from "../require-options.ts";
import { ShardError } from "./shard-errors.ts";
import { readIndex, type ShardEntry, type ShardIndex, shardBytes, shardFiles } from "./shard-index.ts";

/** Options of `openShards`. */
export interface OpenShardsOptions {
  /**
   * When checksums are compared: "read": of a shard whenever it is read; "open": of all of them at once as well; "never":
   * sizes alone are, at open. Default "read".
   */
  readonly verify?: "read" | "open" | "never";
  /** Accept a set that is still being written, or whose writer was stopped: what its index names. Default false. */
  readonly partial?: boolean;
}

/** One shard in memory. N tokens, D documents. */
export interface Shard {
  /** [N] ids of its documents, end to end. */
  readonly tokens: Uint16Array | Uint32Array;
  /** [D + 1] where each document begins in `tokens`, and N. */
  readonly starts: Uint32Array;
  /** [D] weight of each document; absent: all 1. */
  readonly weights?: Float32Array;
  /** [D] the document's number in `index.corpora`. */
  readonly corpora: Uint16Array;
}

/** One document of a shard set. */
export interface StoredDocument {
  /** Ids: a view of its shard. */
  readonly ids: Uint16Array | Uint32Array;
  /** Name of its corpus; "" for none. */
  readonly corpus: string;
  readonly weight: number;
}

/** A shard set on disk. */
export interface ShardSet {
  readonly directory: string;
  readonly index: ShardIndex;
  readonly verify: NonNullable<OpenShardsOptions["verify"]>;
  /** @throws ShardError naming the file when it is missing, torn or changed. */
  read(shard: number): Promise<Shard>;
  /** All documents in the order in which they were added; a shard in memory at a time. @throws as `read`. */
  documents(): AsyncGenerator<StoredDocument, void>;
}

/**
 * Open the shards in a folder. No file stays open.
 * @throws ShardError naming the file when one is missing, torn or changed; StateError for a set that is not complete, unless
 * `partial` is given; ConfigError for an option that is none.
 */
export async function openShards(directory: string, options: OpenShardsOptions = {}): Promise<ShardSet> {
  requireOptions("openShards", options, { verify: ["read", "open", "never"], partial: "boolean" });
  const { verify = "read", partial = false } = options;
  const index = await readIndex("openShards", directory);
  if (index === undefined) {
    const hint = "Check the path; it is relative to the working directory.";
    throw new ShardError({ op: "openShards", operand: directory, expected: "an index.json", actual: "none", hint });
  }
  if (!index.complete && !partial) {
    const hint = "Let its writer resume and finish, or give partial to take what is there.";
    const actual = `one of ${index.documents} documents so far`;
    throw new StateError({ op: "openShards", operand: directory, expected: "a complete set", actual, hint });
  }
  await requireWhole("openShards", directory, index);
  const set = shardSet(directory, index, verify);
  if (verify === "open") for (let shard = 0; shard < index.shards.length; shard++) await set.read(shard);
  return set;
}

/** A set whose index was read and checked before. */
export function shardSet(directory: string, index: ShardIndex, verify: ShardSet["verify"]): ShardSet {
  const read = (shard: number): Promise<Shard> => readShard(directory, index, index.shards[shard]!, verify !== "never");
  return {
    directory,
    index,
    verify,
    read,
    async *documents() {
      for (let shard = 0; shard < index.shards.length; shard++) yield* documentsOf(await read(shard), index);
    },
  };
}

function* documentsOf({ tokens, starts, weights, corpora }: Shard, index: ShardIndex): Generator<StoredDocument> {
  for (let d = 0; d < corpora.length; d++) {
    const ids = tokens.subarray(starts[d], starts[d + 1]);
    yield { ids, corpus: index.corpora[corpora[d]!]!.name, weight: weights?.[d] ?? 1 };
  }
}

/** @throws ShardError naming the first file that is missing or has another size than the index says. */
export async function requireWhole(op: string, directory: string, index: ShardIndex): Promise<void> {
  for (const entry of index.shards) {
    const [files, bytes] = [shardFiles(directory, entry.name), shardBytes(index, entry)];
    for (const key of ["tokens", "documents"] as const) {
      const { size } = await stat(files[key]).catch((cause: Error) => {
        throw unreadable(op, files[key], cause);
      });
      if (size !== bytes[key]) throw torn(op, files[key], `${bytes[key]} bytes`, `${size} bytes`);
    }
  }
}

async function readShard(directory: string, index: ShardIndex, entry: ShardEntry, verify: boolean): Promise<Shard> {
  const [files, bytes] = [shardFiles(directory, entry.name), shardBytes(index, entry)];
  const [ids, columns] = await Promise.all(
    (["tokens", "documents"] as const).map(async (key) => {
      const data = await readExactly(files[key], bytes[key]);
      const sha256 = verify ? createHash("sha256").update(data).digest("hex") : entry.sha256[key];
      if (sha256 === entry.sha256[key]) return data;
      throw torn("readShard", files[key], `checksum ${entry.sha256[key]}`, sha256);
    }),
  );
  const tokens = index.dtype === "uint16" ? new Uint16Array(ids!.buffer) : new Uint32Array(ids!.buffer);
  return { tokens, ...parseDocuments(columns!.buffer as ArrayBuffer, entry, index.corpora.length, files.documents) };
}

function parseDocuments(columns: ArrayBuffer, entry: ShardEntry, known: number, file: string): Omit<Shard, "tokens"> {
  const D = entry.documents;
  const lengths = new Uint32Array(columns, 0, D);
  const starts = new Uint32Array(D + 1);
  for (let d = 0; d < D; d++) starts[d + 1] = starts[d]! + lengths[d]!;
  if (starts[D] !== entry.tokens) throw torn("readShard", file, `${entry.tokens} tokens`, `${starts[D]}`);
  const weights = entry.weighted ? { weights: new Float32Array(columns, 4 * D, D) } : {};
  const corpora = new Uint16Array(columns, entry.weighted ? 8 * D : 4 * D, D);
  const unknown = corpora.find((number) => number >= known);
  if (unknown !== undefined) throw torn("readShard", file, `a corpus below ${known}, as the index has`, `${unknown}`);
  return { starts, ...weights, corpora };
}

/** A file's bytes in a buffer of their own. */
async function readExactly(path: string, size: number): Promise<Uint8Array> {
  const file = await open(path, "r").catch((cause: Error) => {
    throw unreadable("readShard", path, cause);
  });
  try {
    const data = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(data, at, Math.min(size - at, 1 << 30), at);
      if (bytesRead === 0) throw torn("readShard", path, `${size} bytes`, `${at} bytes`);
      at += bytesRead;
    }
    return data;
  } finally {
    await file.close();
  }
}

function unreadable(op: string, operand: string, cause: NodeJS.ErrnoException): ShardError {
  const actual = cause.code === "ENOENT" ? "no such file" : cause.message;
  return new ShardError({ op, operand, expected: "a readable file", actual, hint: "Copy the set again.", cause });
}

function torn(op: string, operand: string, expected: string, actual: string): ShardError {
  const hint = "The file is torn or was changed: copy the set again, or build it again.";
  return new ShardError({ op, operand, expected, actual, hint });
}
