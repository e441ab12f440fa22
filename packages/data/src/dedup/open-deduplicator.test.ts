import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ConfigError, FormatError, OutOfRangeError, StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { killTexts } from "../../test/kill-texts.ts";
import { plantHan, plantWords } from "../../test/planted.ts";
import type { Document } from "../document.ts";
import { FolderLockedError } from "../folder-lock.ts";
import { createRandom } from "../random.ts";
import { DiskFullError, DiskWriteError } from "../shards/shard-errors.ts";
import { writeBytes } from "./append-file.ts";
import { createDeduplicator } from "./create-deduplicator.ts";
import { type DedupOptions, keyShapeOf, resolveDedupOptions } from "./dedup-options.ts";
import type { DedupResult } from "./dedup-result.ts";
import { createItemKeys } from "./item-keys.ts";
import { MemoryKeyStore } from "./key-store.ts";
import { linkItems } from "./link-items.ts";
import { openDeduplicator } from "./open-deduplicator.ts";

const documentsOf = (texts: readonly string[]): Document[] => texts.map((text, i) => ({ text, source: `t:${i + 1}` }));

/** Texts with clusters of every kind: pairs of several similarities, many copies of one text, short ones. */
function mixedTexts(seed: number, count: number): string[] {
  const random = createRandom({ seed });
  const pairs = ([0.5, 0.7, 0.8, 0.9] as const).flatMap((s) => [
    ...plantWords(count, s, seed),
    ...plantHan(count, s, seed),
  ]);
  const texts = pairs.flatMap(({ first, second }) => [first, second]);
  for (let i = 0; i < 4 * count; i++)
    texts.push("The same again and again, as footers are.", `${random.below(5)} short`, "");
  return random.shuffle(texts);
}

async function inMemory(documents: readonly Document[], options: DedupOptions): Promise<DedupResult> {
  const deduplicator = createDeduplicator(options);
  for (const document of documents) deduplicator.add(document);
  return deduplicator.finish();
}

function expectSame(result: DedupResult, expected: DedupResult): void {
  expect(result.bitmap).toEqual(expected.bitmap);
  expect({ ...result.report, seconds: 0 }).toEqual({ ...expected.report, seconds: 0 });
  for (let i = 0; i < expected.count; i++) expect(result.clusterOf(i)).toEqual(expected.clusterOf(i));
}

const OPTIONS: readonly DedupOptions[] = [
  { mode: "minHash" },
  { mode: "minHash", minSimilarity: 0, buckets: 5, hashesPerBucket: 3, keep: "longest" },
  { mode: "exact" },
  { mode: "exact", unit: "line", minLength: 3, compare: "words" },
];

test.each(OPTIONS)("files give the result of memory: %o", async (options) => {
  const documents = documentsOf(mixedTexts(6, 12));
  const expected = await inMemory(documents, options);
  const directory = temporaryFolder();
  const deduplicator = openDeduplicator({ ...options, directory, memoryLimit: 2 ** 20 });
  for (const document of documents) deduplicator.add(document);
  expectSame(await deduplicator.finish(), expected);
  using again = openDeduplicator({ ...options, directory });
  expect(again.documents).toBe(documents.length);
  expectSame(await again.finish(), expected);
});

test.each(OPTIONS)("clusters do not depend on the memory for sorting: %o", async (options) => {
  const settings = resolveDedupOptions("test", options);
  const store = new MemoryKeyStore(keyShapeOf(settings));
  const keys = createItemKeys(settings);
  for (const text of mixedTexts(9, 8)) {
    keys.set(text);
    store.append(keys.keys, keys.signature, 0, text.length);
  }
  const minSimilarity = options.mode === "exact" ? 0 : settings.minSimilarity;
  const rootsWith = async (memoryLimit: number): Promise<number[]> => {
    const clusters = await linkItems(store, { minSimilarity, memoryLimit });
    return Array.from({ length: store.count }, (_, i) => clusters.find(i));
  };
  const expected = naiveRoots(store, minSimilarity);
  for (const memoryLimit of [0, 1000, 5000, 2 ** 20]) expect(await rootsWith(memoryLimit)).toEqual(expected);
});

test("nor where groups are large and only some of their members alike", async () => {
  const random = createRandom({ seed: 4 });
  for (let round = 0; round < 25; round++) {
    const store = new MemoryKeyStore({ bands: 2, keyWords: 2, signatureWords: 3 });
    for (let i = 0; i < 60; i++) {
      const keys = Uint32Array.from({ length: 4 }, () => random.below(2) * 0xc0000000 + random.below(2));
      store.append(
        keys,
        Int32Array.from({ length: 3 }, () => random.below(3)),
        0,
        1,
      );
    }
    const expected = naiveRoots(store, 0.9);
    for (const memoryLimit of [0, 300, 700, 2 ** 20]) {
      const clusters = await linkItems(store, { minSimilarity: 0.9, memoryLimit });
      expect(expected.map((_, i) => clusters.find(i))).toEqual(expected);
    }
  }
});

/** Roots by comparing neighbours of equal keys in every band, group by group, with sets of strings. */
function naiveRoots(store: MemoryKeyStore, minSimilarity: number): number[] {
  const signatures = Array.from({ length: store.count }, (_, i) => {
    const signature = new Int32Array(store.signatureWords);
    store.readSignature(i, signature);
    return signature;
  });
  const isAlike = (a: number, b: number): boolean => {
    const equal = signatures[a]!.filter((hash, i) => hash === signatures[b]![i]).length;
    return minSimilarity === 0 || equal / store.signatureWords >= minSimilarity;
  };
  const roots = signatures.map((_, i) => i);
  const link = (a: number, b: number): void => {
    if (!isAlike(a, b)) return;
    const [low, high] = [Math.min(roots[a]!, roots[b]!), Math.max(roots[a]!, roots[b]!)];
    for (const [i, root] of roots.entries()) if (root === high) roots[i] = low;
  };
  for (let band = 0; band < store.bands; band++) {
    const groups = new Map<string, number[]>();
    store.scanKeys(band, (words, first, count) => {
      for (let i = 0; i < count; i++) {
        const key = words.slice(i * store.keyWords, (i + 1) * store.keyWords).join();
        groups.set(key, [...(groups.get(key) ?? []), first + i]);
      }
    });
    for (const members of groups.values())
      for (let i = 1; i < members.length; i++) for (const other of [0, i - 1]) link(members[other]!, members[i]!);
  }
  return roots;
}

test("what was not committed is gone, what was is there once", async () => {
  const documents = documentsOf(mixedTexts(3, 6));
  const expected = await inMemory(documents, { mode: "minHash" });
  const directory = temporaryFolder();
  const random = createRandom({ seed: 12 });
  for (let committed = 0; committed < documents.length; ) {
    const run = openDeduplicator({ mode: "minHash", directory });
    expect(run.documents).toBe(committed);
    const upTo = Math.min(documents.length, committed + 1 + random.below(40));
    for (const document of documents.slice(committed, upTo)) run.add(document);
    if (random.below(3) > 0) committed = run.commit();
    for (const document of documents.slice(committed, committed + 5)) run.add(document); // lost, or only written
    run.close();
    for (const name of readdirSync(directory))
      if (!OTHERS.includes(name)) appendFileSync(join(directory, name), "torn");
  }
  using last = openDeduplicator({ mode: "minHash", directory });
  expectSame(await last.finish(), expected);
  expect(bytesIn(directory)).toBe(documents.length * 568);
});

const OTHERS = ["state.json", "dedup.lock"];

/** Bytes of all files but the state and the lock. */
function bytesIn(directory: string): number {
  const files = readdirSync(directory).filter((name) => !OTHERS.includes(name));
  return files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

test("a folder has one writer at a time, which a second one finds out at once", async () => {
  const directory = temporaryFolder();
  const documents = documentsOf(["a", "b", "c", "a"]);
  const open = () => openDeduplicator({ mode: "exact", directory });
  const first = open();
  expect(open).toThrow(FolderLockedError);
  expect(open).toThrow(/openDeduplicator: .*dedup\.lock: expected a folder that no other writer holds/);
  for (const document of documents) first.add(document);
  first.commit();
  expect(open).toThrow(FolderLockedError);
  const result = await first.finish();
  expect([result.count, result.report.itemsOut]).toEqual([4, 3]);
  expect(existsSync(join(directory, "dedup.lock"))).toBe(false);

  expect(() => openDeduplicator({ mode: "minHash", directory })).toThrow(ConfigError); // and lets go again
  const second = open();
  expect(second.documents).toBe(4);
  writeFileSync(join(directory, "dedup.lock"), "another");
  second.add(documents[0]!);
  expect(() => second.commit()).toThrow(StateError); // somebody took the folder by force
  second.close();
  expect(readFileSync(join(directory, "dedup.lock"), "utf8")).toBe("another");
});

test("a process killed at any moment loses nothing that was committed", async () => {
  const texts = killTexts();
  const expected = await inMemory(documentsOf(texts), { mode: "minHash" });
  const directory = temporaryFolder();
  const random = createRandom({ seed: 1 });
  const killed: boolean[] = [];
  for (let i = 0; i < 5; i++)
    killed.push(await run(directory, { commits: 1 + random.below(8), wait: random.below(20) }));
  expect(killed).toContain(true);
  expect(await run(directory, undefined)).toBe(false);
  using last = openDeduplicator({ mode: "minHash", directory });
  expect(last.documents).toBe(texts.length);
  expectSame(await last.finish(), expected);
});

/** Run the pass in a process of its own, killed some milliseconds after a number of commits; true when that came in time. */
function run(
  directory: string,
  kill: { readonly commits: number; readonly wait: number } | undefined,
): Promise<boolean> {
  const script = fileURLToPath(new URL("../../test/kill-child.ts", import.meta.url));
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  const child = spawn(process.execPath, ["-C", "@ds3/source", "--import", loader, script, directory]);
  let [errors, commits] = ["", 0];
  child.stderr.on("data", (data) => {
    errors += data;
  });
  child.stdout.on("data", (data: Buffer) => {
    commits += data.toString().split("\n").length - 1;
    if (kill !== undefined && commits >= kill.commits) setTimeout(() => child.kill("SIGKILL"), kill.wait);
  });
  return new Promise((resolve, reject) => {
    child.on("exit", (code, signal) => {
      if (code === 0 || signal === "SIGKILL") resolve(signal === "SIGKILL");
      else reject(new Error(errors));
    });
  });
}

test("a full disk is a named error, and nothing committed is lost", async () => {
  const documents = documentsOf(mixedTexts(4, 6));
  const directory = temporaryFolder();
  let left = 40_000;
  const onSmallDisk: typeof writeBytes = (file, bytes, position) => {
    if (left === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    const part = bytes.subarray(0, left); // a full disk takes what still fits
    left -= part.length;
    return writeBytes(file, part, position);
  };
  const failing = openDeduplicator({ mode: "minHash", directory }, onSmallDisk);
  let committed = 0;
  const addAll = (): void => {
    for (const document of documents) {
      failing.add(document);
      if (failing.documents % 20 === 0) committed = failing.commit();
    }
  };
  expect(addAll).toThrow(DiskFullError);
  left = Number.POSITIVE_INFINITY; // space again: but some files have what others lack
  expect(() => failing.commit()).toThrow(
    /expected space on the disk, got none left \(ENOSPC\)\. Free space and open it/,
  );
  failing.close();
  expect(committed).toBeGreaterThan(0);
  using run = openDeduplicator({ mode: "minHash", directory });
  expect(run.documents).toBe(committed);
  for (const document of documents.slice(committed)) run.add(document);
  expectSame(await run.finish(), await inMemory(documents, { mode: "minHash" }));
});

test("a folder that cannot be or was changed is refused by name", () => {
  const directory = temporaryFolder();
  const options: DedupOptions = { mode: "exact" };
  expect(() => openDeduplicator({ ...options } as never)).toThrow(
    /directory: expected the path of a folder, got nothing/,
  );
  expect(() => openDeduplicator(undefined as never)).toThrow(/options: expected an object, got undefined/);
  expect(() => openDeduplicator({ ...options, directory, memoryLimit: 5 })).toThrow(OutOfRangeError);
  writeFileSync(join(directory, "file"), "");
  expect(() => openDeduplicator({ ...options, directory: join(directory, "file", "below") })).toThrow(DiskWriteError);
  expect(() => openDeduplicator({ ...options, directory: join(directory, "file") })).toThrow(DiskWriteError);

  const made = openDeduplicator({ ...options, directory: join(directory, "made") });
  for (const document of documentsOf(["a", "b", "c"])) made.add(document);
  made.commit();
  made.close();
  expect(() => made.add({ text: "d", source: "d" })).toThrow(StateError);
  const reopen = (other: Partial<DedupOptions> = {}) =>
    openDeduplicator({ ...options, ...other, directory: join(directory, "made") });
  expect(() => reopen({ keep: "longest" })).toThrow(ConfigError);
  expect(() => reopen({ keep: "longest" })).toThrow(/keep: expected "first", as in .*state.json, got "longest"/);
  truncateSync(join(directory, "made", "keys-00"), 40);
  expect(() => reopen()).toThrow(/keys-00: expected 48 bytes or more, got 40 bytes/);
  writeFileSync(join(directory, "made", "state.json"), '{"version": 2');
  expect(() => reopen()).toThrow(FormatError);
  writeFileSync(join(directory, "made", "state.json"), '{"version": 7}');
  expect(() => reopen()).toThrow(/version 2/);
});

test("an item takes the bytes that are promised", () => {
  const directory = temporaryFolder();
  using run = openDeduplicator({ mode: "minHash", directory });
  for (const document of documentsOf(mixedTexts(5, 2))) run.add(document);
  const count = run.commit();
  expect(bytesIn(directory)).toBe(count * 568);
  expect(existsSync(join(directory, "state.json.tmp"))).toBe(false);
  expect(JSON.parse(readFileSync(join(directory, "state.json"), "utf8"))).toMatchObject({ version: 2, items: count });
});
