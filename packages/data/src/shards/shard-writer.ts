import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import { type FolderLock, lockFolder } from "../folder-lock.ts";
import type { CommittedShards, ShardDocument, ShardWriter, ShardWriterOptions } from "./create-shard-writer.ts";
import { type Disk, putInPlace, temporaryName, writeBeside } from "./disk.ts";
import { newIndex, plainJson } from "./new-index.ts";
import { requireWhole } from "./open-shards.ts";
import { ShardBuffer } from "./shard-buffer.ts";
import { ShardError, writeFailure } from "./shard-errors.ts";
import {
  type CorpusEntry,
  INDEX,
  readIndex,
  type ShardEntry,
  type ShardIndex,
  shardFiles,
  shardName,
} from "./shard-index.ts";

const OP = "createShardWriter";
const LOCK = "shards.lock";
const OWN_FILE = /^(?:shard-\d{5,}\.(?:tokens|documents)(?:\.tmp)?|index\.json\.tmp)$/;

/** `createShardWriter` on a given disk. */
export async function openShardWriter(
  directory: string,
  options: ShardWriterOptions,
  disk: Disk,
): Promise<ShardWriter> {
  const wanted = newIndex(options);
  await orFail(directory, async () => {
    await disk.makeFolder(directory);
    await disk.syncFolder(dirname(resolve(directory)));
  });
  const lock = lockFolder(OP, directory, LOCK);
  try {
    return new Writer(directory, await beginOrResume(directory, options, wanted, disk), disk, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function beginOrResume(
  directory: string,
  options: ShardWriterOptions,
  wanted: ShardIndex,
  disk: Disk,
): Promise<ShardIndex> {
  const found = await readIndex(OP, directory);
  if (found === undefined) {
    await refuseShardsWithoutIndex(directory);
    await orFail(join(directory, INDEX), () => writeIndex(disk, directory, wanted));
    return wanted;
  }
  requireSame(directory, options, wanted, found);
  await requireWhole(OP, directory, found);
  await orFail(directory, () => removeLeftovers(disk, directory, found));
  return found;
}

class Writer implements ShardWriter {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #buffer: ShardBuffer;
  readonly #corpora: Map<string, number>;
  #index: ShardIndex;
  #cursor: unknown;
  #isBusy = false;
  readonly #lock: FolderLock;
  #isClosed = false;

  constructor(directory: string, index: ShardIndex, disk: Disk, lock: FolderLock) {
    this.#directory = directory;
    this.#disk = disk;
    this.#lock = lock;
    this.#index = index;
    this.#cursor = index.cursor;
    this.#buffer = new ShardBuffer(index.dtype);
    this.#corpora = new Map(index.corpora.map(({ name }, number) => [name, number]));
  }

  get committed(): CommittedShards {
    const { documents, tokens, cursor } = this.#index;
    return { documents, tokens, cursor };
  }

  get documents(): number {
    return this.#index.documents + this.#buffer.documents;
  }

  get complete(): boolean {
    return this.#index.complete;
  }

  async add(ids: ArrayLike<number>, { corpus = "", weight = 1, cursor = null }: ShardDocument = {}): Promise<void> {
    if (this.complete) throw this.#wrongState("a set that is not finished", "a document after finish()");
    this.#requireReady();
    this.#check(ids, weight);
    const { shardTokens } = this.#index;
    const { tokens, documents } = this.#buffer;
    const isFull = tokens + ids.length > shardTokens || documents >= shardTokens;
    if (documents > 0 && isFull) await this.#commit(false);
    this.#buffer.add(ids, Math.fround(weight), this.#numberOf(corpus));
    this.#cursor = cursor;
  }

  async finish(): Promise<ShardIndex> {
    if (this.#isClosed && this.complete) return this.#index;
    this.#requireReady();
    if (!this.complete) await this.#commit(true);
    await this.close();
    return this.#index;
  }

  async close(): Promise<void> {
    if (this.#isBusy) throw this.#wrongState("one call at a time", "a call while another writes a shard");
    this.#isClosed = true;
    this.#lock.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nothing in memory changes unless all is on disk: after a failure the same commit may be tried again. */
  async #commit(complete: boolean): Promise<void> {
    this.#isBusy = true;
    const shards = [...this.#index.shards];
    const name = shardName(shards.length);
    try {
      this.#lock.requireHeld();
      if (this.#buffer.documents > 0) shards.push(await this.#writeShard(name));
      this.#lock.requireHeld();
      const index = { ...this.#index, ...this.#totals(), complete, shards, cursor: plainJson("cursor", this.#cursor) };
      await orFail(join(this.#directory, INDEX), () => writeIndex(this.#disk, this.#directory, index));
      this.#index = index;
      this.#buffer.clear();
    } catch (error) {
      await this.#removeUnfinished(name);
      throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  async #writeShard(name: string): Promise<ShardEntry> {
    const { tokens, documents, weighted } = this.#buffer;
    const files = shardFiles(this.#directory, name);
    const data = { tokens: this.#buffer.tokenBytes(), documents: this.#buffer.documentBytes() };
    for (const key of ["tokens", "documents"] as const) {
      await orFail(files[key], () => writeBeside(this.#disk, files[key], data[key]));
    }
    await orFail(files.tokens, () => putInPlace(this.#disk, files.tokens, files.documents));
    const sha256 = { tokens: hash(data.tokens), documents: hash(data.documents) };
    return { name, tokens, documents, weighted, sha256 };
  }

  /** Gives the space of half a shard back; on a disk that refuses this too, the next writer does. */
  async #removeUnfinished(name: string): Promise<void> {
    for (const path of Object.values(shardFiles(this.#directory, name))) {
      await this.#disk.remove(temporaryName(path)).catch(() => {});
    }
  }

  #totals(): Pick<ShardIndex, "tokens" | "documents" | "corpora"> {
    const added = this.#buffer.countCorpora();
    const corpora = [...this.#corpora].map(([name, number]): CorpusEntry => {
      const before = this.#index.corpora[number];
      const more = added.get(number);
      const sum = (key: "documents" | "tokens"): number => (before?.[key] ?? 0) + (more?.[key] ?? 0);
      return { name, documents: sum("documents"), tokens: sum("tokens") };
    });
    return { tokens: this.#index.tokens + this.#buffer.tokens, documents: this.documents, corpora };
  }

  #numberOf(corpus: string): number {
    const known = this.#corpora.get(corpus);
    if (known !== undefined) return known;
    const number = this.#corpora.size;
    if (number > 0xffff) throw outOfRange("corpus", "one of at most 65,536 names", JSON.stringify(corpus));
    this.#corpora.set(corpus, number);
    return number;
  }

  #check(ids: ArrayLike<number>, weight: number): void {
    const { vocabSize } = this.#index;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (Number.isInteger(id) && id >= 0 && id < vocabSize) continue;
      throw outOfRange(`document ${this.documents}, id ${i}`, `an integer in [0, ${vocabSize})`, `${id}`);
    }
    if (weight >= 0 && Number.isFinite(Math.fround(weight))) return;
    throw outOfRange(`document ${this.documents}, weight`, "a finite number >= 0", `${weight}`);
  }

  #requireReady(): void {
    if (this.#isBusy) throw this.#wrongState("one call at a time", "a call while another writes a shard");
    if (this.#isClosed) throw this.#wrongState("an open writer", "one that was closed");
  }

  #wrongState(expected: string, actual: string): StateError {
    return new StateError({ op: "ShardWriter", operand: this.#directory, expected, actual, hint: "Await each call." });
  }
}

/** @throws StateError, ConfigError: see `createShardWriter`. */
function requireSame(directory: string, { resume }: ShardWriterOptions, wanted: ShardIndex, found: ShardIndex): void {
  if (!resume) {
    const hint = "Choose another folder, or give resume to go on.";
    const actual = `a set of ${found.documents} documents`;
    throw new StateError({ op: OP, operand: directory, expected: "a folder without shards", actual, hint });
  }
  for (const key of ["vocabSize", "shardTokens", "settings"] as const) {
    const [expected, actual] = [JSON.stringify(found[key]), JSON.stringify(wanted[key])];
    if (expected === actual) continue;
    const hint = "Resume with what the set was begun with, or build in another folder.";
    throw new ConfigError({ op: OP, operand: `${directory}, ${key}`, expected, actual, hint });
  }
}

async function refuseShardsWithoutIndex(directory: string): Promise<void> {
  const shard = (await readdir(directory)).find((name) => OWN_FILE.test(name) && !name.startsWith(INDEX));
  if (shard === undefined) return;
  const expected = `an ${INDEX} beside the shards`;
  throw new ShardError({
    op: OP,
    operand: join(directory, shard),
    expected,
    actual: "none",
    hint: "Clear the folder.",
  });
}

/** What an earlier writer began and the index does not name. */
async function removeLeftovers(disk: Disk, directory: string, { shards }: ShardIndex): Promise<void> {
  const named = new Set(shards.flatMap(({ name }) => [`${name}.tokens`, `${name}.documents`]));
  for (const name of await readdir(directory)) {
    if (OWN_FILE.test(name) && !named.has(name)) await disk.remove(join(directory, name));
  }
}

async function writeIndex(disk: Disk, directory: string, index: ShardIndex): Promise<void> {
  const path = join(directory, INDEX);
  try {
    await writeBeside(disk, path, new TextEncoder().encode(`${JSON.stringify(index, null, 1)}\n`));
  } catch (error) {
    await disk.remove(temporaryName(path)).catch(() => {});
    throw error;
  }
  await putInPlace(disk, path);
}

/** Names the file in what the system throws. */
async function orFail(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    throw writeFailure("ShardWriter", path, cause);
  }
}

function hash(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

function outOfRange(operand: string, expected: string, actual: string): OutOfRangeError {
  return new OutOfRangeError({ op: "ShardWriter", operand, expected, actual });
}
