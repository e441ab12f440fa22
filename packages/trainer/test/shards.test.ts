/** Training on token shards: a run that stops anywhere goes on with the very next batch, in another loader. */

import { join } from "node:path";
import { createLoader, createShardWriter, openShards, type ShardSet } from "@ds3/data/node";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { type BatchSource, batchSource, readNewestCheckpoint } from "../src/index.ts";
import { createBigram, type Pairs, VOCABULARY } from "./bigram.ts";
import { expectSameCheckpoint } from "./helpers.ts";
import { trainBigram } from "./train-bigram.ts";

const device = useTestGpu();

async function writeShards(): Promise<ShardSet> {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { vocabSize: VOCABULARY, shardTokens: 60 });
  for (let d = 0; d < 40; d++) {
    await writer.add(Array.from({ length: 3 + ((d * 5) % 17) }, (_, i) => (d * d + 3 * i * i) % VOCABULARY));
  }
  await writer.finish();
  return openShards(folder);
}

/** A source over a loader of its own, and all inputs that it gave. */
function createSource(shards: ShardSet, packing: "stream" | "best-fit"): BatchSource<Pairs> & { seen: string[] } {
  const shape = { batch: 2, length: 8 };
  const order = { packing, documentMask: packing === "best-fit", groupShards: 2, seed: 3 };
  const loader = createLoader({ shards, batchSize: 2, sequenceLength: 8, ...order });
  const source = batchSource(loader, shape);
  const seen: string[] = [];
  const next = async (): Promise<Pairs> => {
    const batch = await source.next();
    seen.push(batch.inputs.join());
    return batch;
  };
  return { ...source, next, seen };
}

test.each(["stream", "best-fit"] as const)(
  "%s: 7 + 13 steps are 20 steps, batch by batch and byte by byte",
  async (packing) => {
    const { gpu } = device;
    const shards = await writeShards();
    const [straight, halves] = [temporaryFolder(), temporaryFolder()];
    using _scope = gpu.scope();
    const whole = createSource(shards, packing);
    await trainBigram(createBigram(gpu), whole, { folder: straight, steps: 20 });
    const seen: string[] = [];
    for (const steps of [7, 20]) {
      const source = createSource(shards, packing);
      await trainBigram(createBigram(gpu), source, { folder: halves, steps, resume: true });
      seen.push(...source.seen);
      const { files } = (await readNewestCheckpoint(join(halves, "checkpoints")))!;
      const { cursor } = JSON.parse(new TextDecoder().decode(files["state.json"]));
      expect(cursor).toEqual(source.cursor());
      expect(cursor).toMatchObject({ plan: expect.stringMatching(/^[0-9a-f]{16}$/) });
    }
    expect(whole.seen).toHaveLength(40);
    expect(seen).toEqual(whole.seen);
    await expectSameCheckpoint(straight, halves);
  },
);

test("a run is not resumed on other shards", async () => {
  const { gpu } = device;
  const folder = temporaryFolder();
  using _scope = gpu.scope();
  await trainBigram(createBigram(gpu), createSource(await writeShards(), "stream"), { folder, steps: 2 });
  const other = createSource(await writeShards(), "best-fit");
  const resumed = trainBigram(createBigram(gpu), other, { folder, steps: 4, resume: true });
  await expect(resumed).rejects.toThrow(/cursor\.plan/);
});
