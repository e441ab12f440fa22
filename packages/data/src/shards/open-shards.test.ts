import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { createShardWriter } from "./create-shard-writer.ts";
import { openShards } from "./open-shards.ts";
import { ShardError } from "./shard-errors.ts";

async function makeSet(finish = true): Promise<string> {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { vocabSize: 300, shardTokens: 20 });
  for (let d = 0; d < 9; d++) await writer.add([d, d, d, d, d, d, d], { weight: d === 8 ? 2 : 1 });
  if (finish) await writer.finish();
  return folder;
}

function flipBit(path: string, at: number): void {
  const file = openSync(path, "r+");
  writeSync(file, Uint8Array.of(0xff), 0, 1, at);
  closeSync(file);
}

test("a shard has its documents, and weights where some document has one", async () => {
  const shards = await openShards(await makeSet());
  const first = await shards.read(0);
  expect([...first.tokens]).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]);
  expect([...first.starts]).toEqual([0, 7, 14]);
  expect(first.weights).toBeUndefined();
  expect([...(await shards.read(4)).weights!]).toEqual([2]);
});

test.each(["shard-00001.tokens", "shard-00002.documents"])(
  "%s changed: named when it is read, or at open",
  async (name) => {
    const folder = await makeSet();
    flipBit(join(folder, name), 3);
    const shards = await openShards(folder);
    const read = async (): Promise<number> => {
      let count = 0;
      for await (const _ of shards.documents()) count += 1;
      return count;
    };
    await expect(read()).rejects.toThrow(ShardError);
    await expect(read()).rejects.toThrow(name);
    await expect(read()).rejects.toThrow(/checksum [0-9a-f]{64}, got [0-9a-f]{64}/);
    await expect(openShards(folder, { verify: "open" })).rejects.toThrow(name);
    const unchecked = await openShards(folder, { verify: "never" });
    if (name.endsWith(".tokens")) expect((await unchecked.read(1)).tokens).toContain(0xff02);
  },
);

test("a file that is torn or missing is named at open", async () => {
  const folder = await makeSet();
  truncateSync(join(folder, "shard-00003.tokens"), 27);
  const torn = openShards(folder, { verify: "never" });
  await expect(torn).rejects.toThrow(ShardError);
  await expect(torn).rejects.toThrow(/shard-00003\.tokens: expected 28 bytes, got 27 bytes/);
  await rm(join(folder, "shard-00000.documents"));
  await expect(openShards(folder)).rejects.toThrow(
    /shard-00000\.documents: expected a readable file, got no such file/,
  );
});

test("a file torn after it was opened is named when it is read", async () => {
  const folder = await makeSet();
  const shards = await openShards(folder, { verify: "never" });
  truncateSync(join(folder, "shard-00001.documents"), 5);
  await expect(shards.read(1)).rejects.toThrow(/shard-00001\.documents: expected 12 bytes, got 5 bytes/);
});

test("an index that is torn, of another version, or contradicts itself is named with its field", async () => {
  const folder = await makeSet();
  const path = join(folder, "index.json");
  const text = await readFile(path, "utf8");
  const change = (edit: (index: Record<string, unknown>) => void): string => {
    const index = JSON.parse(text);
    edit(index);
    return JSON.stringify(index);
  };
  const cases: readonly (readonly [string, RegExp])[] = [
    [text.slice(0, 300), /index\.json: expected JSON/],
    [change((index) => Object.assign(index, { version: 2 })), /index\.json, version: expected 1, got 2/],
    [change((index) => Object.assign(index, { dtype: "int8" })), /dtype/],
    [change((index) => Object.assign(index, { tokens: 7 })), /tokens: expected 63, the sum of its shards, got 7/],
    [
      change((index) => Object.assign((index as { shards: object[] }).shards[1]!, { name: "../x" })),
      /a list of shards/,
    ],
    ["null", /format/],
  ];
  for (const [changed, message] of cases) {
    await writeFile(path, changed);
    await expect(openShards(folder)).rejects.toThrow(ShardError);
    await expect(openShards(folder)).rejects.toThrow(message);
  }
  await rm(path);
  await expect(openShards(folder)).rejects.toThrow(/expected an index\.json, got none/);
});

test("a set that is not complete is refused, unless it is asked for", async () => {
  const folder = await makeSet(false);
  await expect(openShards(folder)).rejects.toThrow(StateError);
  const shards = await openShards(folder, { partial: true });
  expect(shards.index.documents).toBe(8);
});

test("options that are none are named", async () => {
  const folder = await makeSet();
  await expect(openShards(folder, { verify: "opened" } as never)).rejects.toThrow('"opened". Did you mean "open"?');
  await expect(openShards(folder, { partal: true } as never)).rejects.toThrow('"partal". Did you mean "partial"?');
  await expect(openShards(folder, { partial: 1 } as never)).rejects.toThrow(ConfigError);
});

test("a document of a corpus that the index does not name is an error of the set", async () => {
  const folder = await makeSet();
  const path = join(folder, "index.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), corpora: [] }));
  const { documents } = await openShards(folder);
  await expect(documents().next()).rejects.toThrow(/shard-00000\.documents: expected a corpus below 0/);
  await expect(documents().next()).rejects.toThrow(ShardError);
});
