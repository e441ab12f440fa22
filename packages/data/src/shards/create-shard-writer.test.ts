import { rmSync, truncateSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { FolderLockedError } from "../folder-lock.ts";
import { createRandom } from "../random.ts";
import { createShardWriter, type ShardWriter } from "./create-shard-writer.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { openShards } from "./open-shards.ts";
import { DiskFullError, DiskWriteError, ShardError } from "./shard-errors.ts";
import { openShardWriter } from "./shard-writer.ts";

interface Input {
  readonly ids: readonly number[];
  readonly corpus: string;
  readonly weight: number;
}

const options = { vocabSize: 1000, shardTokens: 40, settings: { tokenizer: "bytes" } };

/** Documents of 0 to 30 ids, one longer than a shard. */
function randomDocuments(count: number, seed = 1): Input[] {
  const random = createRandom({ seed });
  return Array.from({ length: count }, (_, d) => ({
    ids: Array.from({ length: d === 7 ? 90 : random.below(30) }, () => random.below(1000)),
    corpus: ["", "web", "code"][random.below(3)]!,
    weight: random.below(4) === 0 ? 0.5 : 1,
  }));
}

async function addFrom(writer: ShardWriter, documents: readonly Input[], from: number): Promise<void> {
  for (let d = from; d < documents.length; d++) {
    const { ids, corpus, weight } = documents[d]!;
    await writer.add(ids, { corpus, weight, cursor: { next: d + 1 } });
  }
  await writer.finish();
}

async function stored(folder: string): Promise<Input[]> {
  const found: Input[] = [];
  const shards = await openShards(folder, { partial: true });
  for await (const { ids, corpus, weight } of shards.documents()) found.push({ ids: [...ids], corpus, weight });
  return found;
}

async function unfinished(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".tmp"));
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(folder, name))).toString("latin1")])),
  );
}

/**
 * Node's disk, where call `at` and, unless `once`, all after it fail, and what was not synced by then is lost. It only
 * notes what was synced: that is slow, and the process lives on.
 */
function failingDisk(at: number, cause: Error, once = false): Disk & { readonly calls: () => number } {
  let calls = 0;
  const unsynced = new Set<string>();
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    calls += 1;
    if (calls < at || (once && calls > at)) return work();
    if (!once && calls === at) for (const path of unsynced) truncateSync(path);
    throw cause;
  };
  return {
    calls: () => calls,
    makeFolder: (path) => call(() => nodeDisk.makeFolder(path)),
    remove: (path) => call(() => nodeDisk.remove(path)),
    rename: (from, to) => call(() => nodeDisk.rename(from, to)),
    syncFolder: () => call(async () => {}),
    async create(path) {
      const file = await call(() => nodeDisk.create(path));
      unsynced.add(path);
      return {
        write: (data) =>
          call(() => file.write(data)).catch(async (error) => {
            if (once) await file.write(data.subarray(0, data.length >> 1)); // a full disk takes a part
            throw error;
          }),
        sync: () => call(async () => void unsynced.delete(path)),
        close: async () => {
          await file.close();
          await call(async () => {});
        },
      };
    },
  };
}

async function writeAll(folder: string, documents: readonly Input[], disk = nodeDisk): Promise<void> {
  await using writer = await openShardWriter(folder, { ...options, resume: true }, disk);
  await addFrom(writer, documents, writer.committed.documents);
}

test("documents come back in order with ids, corpus and weight, whichever width an id has", async () => {
  for (const vocabSize of [1000, 65_536, 65_537]) {
    const folder = join(temporaryFolder(), "new", "set");
    const documents = [...randomDocuments(60), { ids: [vocabSize - 1], corpus: "", weight: 1 }];
    const writer = await createShardWriter(folder, { ...options, vocabSize });
    await addFrom(writer, documents, 0);
    const { index } = await openShards(folder, { verify: "open" });
    expect(await stored(folder)).toEqual(documents);
    expect(index).toMatchObject({
      vocabSize,
      complete: true,
      documents: 61,
      dtype: vocabSize > 65_536 ? "uint32" : "uint16",
    });
    expect(index.tokens).toBe(documents.reduce((sum, { ids }) => sum + ids.length, 0));
    for (const { name, ...counts } of index.corpora) {
      const own = documents.filter(({ corpus }) => corpus === name);
      expect(counts).toEqual({ documents: own.length, tokens: own.reduce((sum, { ids }) => sum + ids.length, 0) });
    }
    const isWithin = index.shards.map(({ tokens, documents }) => tokens <= 40 || documents === 1);
    expect(isWithin.every(Boolean)).toBe(true);
  }
});

test("ended before any of its system calls and resumed: the same bytes as if it had never ended", async () => {
  const documents = randomDocuments(14);
  const whole = temporaryFolder();
  const counting = failingDisk(Number.POSITIVE_INFINITY, new Error());
  await writeAll(whole, documents, counting);
  const expected = await filesOf(whole);
  expect(Object.keys(expected).length).toBeGreaterThan(8);
  expect(counting.calls()).toBeGreaterThan(60);
  for (let at = 1; at <= counting.calls(); at++) {
    const folder = temporaryFolder();
    await expect(writeAll(folder, documents, failingDisk(at, new Error("killed")))).rejects.toThrow("killed");
    const isBegun = (await readdir(folder)).includes("index.json");
    const kept = isBegun ? await stored(folder) : [];
    expect(kept).toEqual(documents.slice(0, kept.length));
    await writeAll(folder, documents, failingDisk(Number.POSITIVE_INFINITY, new Error()));
    expect(await filesOf(folder), `call ${at}`).toEqual(expected);
  }
});

test("a disk that is full at any call: named with its file, the set stays valid, and the same call goes on", async () => {
  const documents = randomDocuments(12);
  const counting = failingDisk(Number.POSITIVE_INFINITY, new Error());
  await writeAll(temporaryFolder(), documents, counting);
  for (let at = 3; at <= counting.calls(); at++) {
    const folder = temporaryFolder();
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const disk = failingDisk(at, full, true);
    const retry = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        expect(DiskFullError.is(error), `${error}`).toBe(true);
        expect((error as DiskFullError).operand).toMatch(/\.(tokens|documents|json)$/);
        expect((error as DiskFullError).message).toContain("none left (ENOSPC)");
        const kept = (await readdir(folder)).includes("index.json") ? await stored(folder) : [];
        expect(kept).toEqual(documents.slice(0, kept.length));
        if ((error as DiskFullError).operand.includes("shard-")) expect(await unfinished(folder)).toEqual([]);
        return work();
      }
    };
    const writer = await retry(() => openShardWriter(folder, { ...options, resume: true }, disk));
    for (const { ids, corpus, weight } of documents) await retry(() => writer.add(ids, { corpus, weight }));
    await retry(() => writer.finish());
    expect(await stored(folder)).toEqual(documents);
    expect(await unfinished(folder)).toEqual([]);
  }
});

test("a folder that cannot be made is named", async () => {
  const folder = temporaryFolder();
  await writeFile(join(folder, "taken"), "");
  const attempt = createShardWriter(join(folder, "taken", "set"), options);
  await expect(attempt).rejects.toThrow(DiskWriteError);
  await expect(attempt).rejects.toThrow("taken/set");
});

test("a writer that stops has the cursor of the last document in the set, and the next goes on from there", async () => {
  const [folder, documents] = [temporaryFolder(), randomDocuments(30)];
  const first = await createShardWriter(folder, options);
  for (const [d, { ids }] of documents.slice(0, 20).entries()) await first.add(ids, { cursor: { next: d + 1 } });
  expect(first.documents).toBe(20);
  await first.close();
  const second = await createShardWriter(folder, { ...options, resume: true });
  expect(second.committed).toEqual(first.committed);
  const { documents: kept, cursor } = second.committed;
  expect(kept).toBeGreaterThan(5);
  expect(cursor).toEqual({ next: kept });
});

test("a set is neither overwritten, nor resumed with other options, nor without its index", async () => {
  const folder = temporaryFolder();
  await addFrom(await createShardWriter(folder, options), randomDocuments(9), 0);
  await expect(createShardWriter(folder, options)).rejects.toThrow(StateError);
  const other = createShardWriter(folder, { ...options, resume: true, settings: { tokenizer: "words" } });
  await expect(other).rejects.toThrow(ConfigError);
  await expect(other).rejects.toThrow("settings: expected");
  await expect(createShardWriter(folder, { ...options, resume: true, vocabSize: 999 })).rejects.toThrow("vocabSize");
  truncateSync(join(folder, "shard-00001.tokens"), 3);
  await expect(createShardWriter(folder, { ...options, resume: true })).rejects.toThrow("shard-00001.tokens");
  await nodeDisk.remove(join(folder, "index.json"));
  const lost = createShardWriter(folder, { ...options, resume: true });
  await expect(lost).rejects.toThrow(ShardError);
  await expect(lost).rejects.toThrow("an index.json beside the shards");
});

test("a finished set takes nothing more; finishing again does nothing; what no index names goes, other files stay", async () => {
  const folder = temporaryFolder();
  await writeFile(join(folder, "shard-1.tokens.old"), "mine");
  const writer = await createShardWriter(folder, options);
  await addFrom(writer, randomDocuments(3), 0);
  const before = await filesOf(folder);
  await writer.finish();
  await expect(writer.add([1])).rejects.toThrow("a document after finish()");
  await writer.finish();
  for (const name of ["shard-00009.tokens.tmp", "shard-00005.documents", "index.json.tmp"]) {
    await writeFile(join(folder, name), "left by a writer that was killed");
  }
  const resumed = await createShardWriter(folder, { ...options, resume: true });
  expect(resumed.complete).toBe(true);
  await resumed.close();
  expect(await filesOf(folder)).toEqual(before);
  expect(await readFile(join(folder, "shard-1.tokens.old"), "utf8")).toBe("mine");
});

test("what is no id, weight, option or order of calls is named, and the document is not taken", async () => {
  const writer = await createShardWriter(temporaryFolder(), options);
  await expect(writer.add([1, 1000])).rejects.toThrow("document 0, id 1: expected an integer in [0, 1000), got 1000");
  await expect(writer.add([1.5])).rejects.toThrow(OutOfRangeError);
  for (const weight of [-1, Number.NaN, 1e300]) await expect(writer.add([1], { weight })).rejects.toThrow("weight");
  expect(writer.documents).toBe(0);
  await writer.add(new Array(39).fill(1));
  const [first, second] = [writer.add([1, 2]), writer.add([3])];
  await expect(second).rejects.toThrow(StateError);
  await first;
  expect(writer.documents).toBe(2);
  for (const bad of [{ vocabSize: 0 }, { vocabSize: 2 ** 31 + 1 }, { shardTokens: 0.5 }]) {
    await expect(createShardWriter(temporaryFolder(), { ...options, ...bad })).rejects.toThrow(OutOfRangeError);
  }
});

test("a second writer of a folder is refused by name while the first lives, and nothing is lost", async () => {
  const [folder, documents] = [temporaryFolder(), randomDocuments(30)];
  const first = await createShardWriter(folder, options);
  const second = createShardWriter(folder, { ...options, resume: true });
  await expect(second).rejects.toThrow(FolderLockedError);
  await expect(second).rejects.toThrow(/shards\.lock: .* held by this process on /);
  await addFrom(first, documents, 0);
  expect(await stored(folder)).toEqual(documents);
  expect(await readdir(folder)).not.toContain("shards.lock");
});

test("a writer that was closed, or whose lock is gone, changes nothing more", async () => {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, options);
  await writer.add(new Array(39).fill(1));
  rmSync(join(folder, "shards.lock"));
  const before = await filesOf(folder);
  await expect(writer.add([1, 2])).rejects.toThrow("expected the lock of this writer, got none");
  await expect(writer.finish()).rejects.toThrow(StateError);
  expect(await filesOf(folder)).toEqual(before);
  await using next = await createShardWriter(folder, { ...options, resume: true });
  await next.close();
  await expect(next.add([1])).rejects.toThrow("expected an open writer, got one that was closed");
  await expect(next.finish()).rejects.toThrow(StateError);
  await expect(createShardWriter(folder, options)).rejects.toThrow("a set of 0 documents"); // and releases it
  await (await createShardWriter(folder, { ...options, resume: true })).close();
});

test("settings and cursors that JSON cannot hold are named, and so are keys and values that are none", async () => {
  const folder = temporaryFolder();
  const circle: unknown[] = [];
  circle.push(circle);
  for (const settings of [() => 1, 1n, circle]) {
    for (const resume of [false, true]) {
      const attempt = createShardWriter(folder, { ...options, resume, settings });
      await expect(attempt).rejects.toThrow("createShardWriter: settings: expected plain JSON");
      await expect(attempt).rejects.toThrow(ConfigError);
    }
  }
  await using writer = await createShardWriter(folder, options);
  await writer.add([1], { cursor: { at: 1n } });
  await expect(writer.finish()).rejects.toThrow("cursor: expected plain JSON");
  const misspelled = { ...options, shardToken: 3 };
  await expect(createShardWriter(folder, misspelled)).rejects.toThrow('"shardToken". Did you mean "shardTokens"?');
  await expect(createShardWriter(folder, undefined as never)).rejects.toThrow(ConfigError);
  await expect(createShardWriter(folder, { ...options, resume: "yes" as never })).rejects.toThrow("true or false");
});
