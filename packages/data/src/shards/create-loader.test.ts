import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, OutOfRangeError, StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { randomLoaderOptions, takeAll, writeCountedSet } from "../../test/shard-sets.ts";
import type { Batch } from "../create-batches.ts";
import { EmptyDataError } from "../empty-data-error.ts";
import { createRandom } from "../random.ts";
import { createLoader, type Loader } from "./create-loader.ts";
import { createShardWriter } from "./create-shard-writer.ts";
import { openShards } from "./open-shards.ts";
import { ShardError } from "./shard-errors.ts";

const SEEDS = Array.from({ length: 8 }, (_, seed) => seed);

async function take(loader: Loader, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let i = 0; i < count; i++) batches.push((await loader.next()).value!);
  return batches;
}

describe("order", () => {
  test("from any cursor another loader goes on exactly, over epochs and in any packing", async () => {
    for (const seed of SEEDS) {
      const { shards } = await writeCountedSet(temporaryFolder(), seed);
      const options = { ...randomLoaderOptions(seed), shards };
      const whole = createLoader(options);
      const batches: Batch[] = [];
      const cursors: string[] = [];
      while (whole.cursor().epoch < 3) {
        cursors.push(JSON.stringify(whole.cursor()));
        batches.push(...(await take(whole, 1)));
      }
      const random = createRandom({ seed });
      for (let i = 0; i < 5; i++) {
        const at = random.below(batches.length);
        const resumed = createLoader(options);
        resumed.seek(JSON.parse(cursors[at]!));
        expect(JSON.stringify(resumed.cursor())).toBe(cursors[at]);
        expect(await take(resumed, batches.length - at)).toEqual(batches.slice(at));
      }
    }
  });

  test("ranks take parts of the same batches: none shared, none left out, whatever their number", async () => {
    for (const seed of SEEDS) {
      const { shards } = await writeCountedSet(temporaryFolder(), seed);
      const options = { ...randomLoaderOptions(seed), shards, epochs: 2 };
      const { sequenceLength: T, batchSize: B } = options;
      const world = 1 + (seed % 4);
      const whole = await takeAll(createLoader({ ...options, batchSize: B * world }));
      const ranks = await Promise.all(
        Array.from({ length: world }, (_, rank) => takeAll(createLoader({ ...options, rank, world }))),
      );
      ranks.forEach((batches, rank) => {
        const parts = whole.map(({ inputs }) => inputs.slice(rank * B * T, (rank + 1) * B * T));
        expect(batches.map(({ inputs }) => inputs)).toEqual(parts);
      });
    }
  });

  test("the seed and the epoch draw it: documents have other neighbours, and so have rows", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 3);
    const firstOf = async (seed: number, epoch: number): Promise<string> => {
      const loader = createLoader({ shards, sequenceLength: 50, batchSize: 4, seed, prefetch: 0 });
      loader.seek({ ...loader.cursor(), epoch });
      return (await take(loader, 1))[0]!.inputs.join();
    };
    const orders = await Promise.all([firstOf(0, 0), firstOf(1, 0), firstOf(0, 1)]);
    expect(new Set(orders).size).toBe(3);
    expect(await firstOf(0, 1)).toBe(orders[2]);
  });

  test("the last batch is padded, and then it is over; leaving an iteration does not end it", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 4);
    const loader = createLoader({ shards, sequenceLength: 7, batchSize: 5, epochs: 1, prefetch: 1 });
    await using _closed = loader;
    const inputs: number[] = [];
    for await (const batch of loader) {
      inputs.push(...batch.inputs);
      if (inputs.length > 100) break;
    }
    for await (const batch of loader) inputs.push(...batch.inputs);
    expect(await loader.next()).toEqual({ done: true, value: undefined });
    expect(loader.cursor()).toMatchObject({ epoch: 1, group: 0, row: 0 });
    expect(new Set(inputs).size).toBe(inputs.filter((id) => id > 0).length + 1);
    loader.seek(loader.cursor());
    expect((await loader.next()).done).toBe(true);
  });
});

describe("a thread", () => {
  test("gives what is made without one, and goes on from a cursor while batches are made ahead", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 8, { weighted: true });
    const options = { ...randomLoaderOptions(8), shards, documentMask: true };
    const expected = await take(createLoader(options), 40);
    await using loader = createLoader({ ...options, prefetch: 3 });
    const first = await take(loader, 11);
    const cursor = JSON.parse(JSON.stringify(loader.cursor()));
    const second = await take(loader, 9);
    expect([...first, ...second]).toEqual(expected.slice(0, 20));
    loader.seek(cursor);
    expect(await take(loader, 29)).toEqual(expected.slice(11));
    expect(first[0]!.targets).toBe(first[0]!.targetsByDepth[0]);
  });

  test("ends with the loader", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 8);
    const loader = createLoader({ shards, sequenceLength: 8, batchSize: 2 });
    await take(loader, 1);
    await loader.close();
    await expect(loader.next()).rejects.toThrow(StateError);
  });
});

test.each([0, 2])("closed while somebody waits for a batch, it is over for them, prefetch %d", async (prefetch) => {
  const { shards } = await writeCountedSet(temporaryFolder(), 8);
  const loader = createLoader({ shards, sequenceLength: 8, batchSize: 2, prefetch });
  const waiting = Array.from({ length: 5 }, () => loader.next());
  await loader.close();
  const ends = await Promise.all(waiting);
  if (prefetch > 0) expect(ends).toContainEqual({ done: true, value: undefined });
  const last = ends.findLastIndex(({ done }) => !done);
  expect(ends.slice(0, last + 1).every(({ done }) => !done)).toBe(true);
  await expect(loader.next()).rejects.toThrow(StateError);
});

describe("bad input", () => {
  test.each([0, 2])("a changed shard is named, the place is kept, prefetch %d", async (prefetch) => {
    const folder = temporaryFolder();
    const { shards } = await writeCountedSet(folder, 2);
    const options = { shards, sequenceLength: 10, batchSize: 4, groupShards: 1, shuffle: false, prefetch, epochs: 1 };
    const expected = await takeAll(createLoader(options));
    const path = join(folder, "shard-00002.tokens");
    const kept = readFileSync(path);
    const file = openSync(path, "r+");
    writeSync(file, Uint8Array.of(0x7f), 0, 1, 17);
    closeSync(file);
    await using loader = createLoader(options);
    const batches: Batch[] = [];
    const error = await (async () => {
      for await (const batch of loader) batches.push(batch);
    })().catch((error) => error);
    expect(ShardError.is(error), `${error}`).toBe(true);
    expect(error.operand).toBe(path);
    expect(error.message).toMatch(/shard-00002\.tokens: expected checksum/);
    expect(batches).toEqual(expected.slice(0, batches.length));
    writeFileSync(path, kept);
    loader.seek(loader.cursor());
    batches.push(...(await takeAll(loader)));
    expect(batches).toEqual(expected);
  });

  test("a cursor of other data, of other options, or of no place is refused", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 2);
    const other = await writeCountedSet(temporaryFolder(), 3);
    const options = { shards, sequenceLength: 10, batchSize: 4, prefetch: 0 };
    const loader = createLoader(options);
    const { plan } = loader.cursor();
    expect(createLoader({ ...options, batchSize: 1, world: 4, documentMask: true }).cursor().plan).toBe(plan);
    const foreign = [
      { ...options, shards: other.shards },
      { ...options, seed: 1 },
      { ...options, sequenceLength: 9 },
    ];
    for (const changed of foreign) {
      expect(() => loader.seek(createLoader(changed).cursor())).toThrow(/cursor\.plan: expected [0-9a-f]{16}/);
    }
    for (const wrong of [null, {}, { epoch: -1, group: 0, row: 0, plan }, { epoch: 0, group: 99, row: 0, plan }]) {
      expect(() => loader.seek(wrong as never)).toThrow(OutOfRangeError);
    }
    loader.seek({ epoch: 0, group: 0, row: 9999, plan });
    await expect(loader.next()).rejects.toThrow(/cursor\.row: expected an integer from 0 to \d+, got 9999/);
  });

  test("options that are none are named, and so is a set without tokens", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 2);
    const options = { shards, sequenceLength: 10, batchSize: 4 };
    const wrong = [
      { batchSize: 0 },
      { rank: 2, world: 2 },
      { prefetch: -1 },
      { epochs: 0 },
      { groupShards: 1.5 },
      { seed: -1 },
    ];
    for (const change of wrong) {
      expect(() => createLoader({ ...options, ...change })).toThrow(OutOfRangeError);
      expect(() => createLoader({ ...options, ...change })).toThrow(Object.keys(change)[0]);
    }
    const folder = temporaryFolder();
    const writer = await createShardWriter(folder, { vocabSize: 9 });
    for (const ids of [[], [3], []]) await writer.add(ids);
    await writer.finish();
    const empty = await openShards(folder);
    expect(() => createLoader({ ...options, shards: empty })).toThrow(EmptyDataError);
  });

  test("a misspelled key or choice is refused, not taken for the default", async () => {
    const { shards } = await writeCountedSet(temporaryFolder(), 2);
    const options = { shards, sequenceLength: 10, batchSize: 4 };
    const wrong: [object, string][] = [
      [{ long: "cut" }, 'long: expected "split" or "truncate", got "cut"'],
      [{ packing: "bestfit" }, 'got "bestfit". Did you mean "best-fit"?'],
      [{ sequencelength: 10 }, '"sequencelength". Did you mean "sequenceLength"?'],
      [{ shuffle: 0 }, "shuffle: expected true or false, got 0"],
      [{ documentMask: "no" }, 'documentMask: expected true or false, got "no"'],
      [{ shards: undefined }, "shards: expected a set of openShards, got none"],
      [{ shards: "folder" }, "shards: expected a set of openShards, got string"],
    ];
    for (const [change, message] of wrong) {
      expect(() => createLoader({ ...options, ...change } as never)).toThrow(message);
      expect(() => createLoader({ ...options, ...change } as never)).toThrow(ConfigError);
    }
    for (const none of [{}, undefined]) expect(() => createLoader(none as never)).toThrow(ConfigError);
    const plan = createLoader({ ...options, long: undefined as never, seed: undefined as never }).cursor();
    expect(plan).toEqual(createLoader(options).cursor());
  });

  test("shards of empty documents are passed over", async () => {
    const folder = temporaryFolder();
    const writer = await createShardWriter(folder, { vocabSize: 99, shardTokens: 2 });
    for (const ids of [[], [], [1, 2], [], [], [3, 4], [], []]) await writer.add(ids);
    await writer.finish();
    const shards = await openShards(folder);
    expect(shards.index.shards.map(({ tokens }) => tokens)).toContain(0);
    for (const packing of ["stream", "best-fit"] as const) {
      const loader = createLoader({
        shards,
        sequenceLength: 2,
        batchSize: 1,
        groupShards: 1,
        packing,
        epochs: 2,
        prefetch: 0,
      });
      const inputs = (await takeAll(loader)).map((batch) => batch.inputs.join()).sort();
      expect(inputs.slice(0, 4)).toEqual(["1,2", "1,2", "3,4", "3,4"]);
      expect(inputs).toHaveLength(4);
    }
  });
});
