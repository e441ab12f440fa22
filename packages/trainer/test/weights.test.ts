/** Weights of documents, from shards to parameters: what weighs 0 moves nothing, what weighs 2 is as good as there twice. */

import { createLoader, createShardWriter, openShards, type ShardSet } from "@ds3/data/node";
import { createDeepseek, type TrainingBatch } from "@ds3/deepseek";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { batchSource, type StepRecord, train } from "../src/index.ts";
import { config } from "./tiny-deepseek.ts";

const device = useTestGpu();
const T = 12;

/** One row of a batch each. */
const document = (d: number): number[] => Array.from({ length: T }, (_, i) => (d * d * 5 + 3 * i * i + i) % 64);

interface Weighed {
  readonly document: number;
  readonly weight: number;
}

async function writeShards(documents: readonly Weighed[]): Promise<ShardSet> {
  const folder = temporaryFolder();
  const writer = await createShardWriter(folder, { vocabSize: config.vocabSize });
  for (const { document: d, weight } of documents) await writer.add(document(d), { weight });
  await writer.finish();
  return openShards(folder);
}

interface Trained {
  readonly before: Float32Array;
  readonly after: Float32Array;
  readonly records: readonly StepRecord[];
}

/** Trains on all documents in each step; without terms that count tokens whatever they weigh, and without decay. */
async function trainOn(documents: readonly Weighed[], microBatches = 1): Promise<Trained> {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createDeepseek(gpu, config, { seed: 1, balanceLossWeight: 0, biasUpdateSpeed: 0 });
  const values = async (): Promise<Float32Array> =>
    Float32Array.from(
      (await Promise.all(model.arena.segments.map(({ values }) => values.data()))).flatMap((v) => [...v]),
    );
  const before = await values();
  const batch = documents.length / microBatches;
  const shards = await writeShards(documents);
  const windows = { sequenceLength: T, batchSize: batch, documentMask: true, packing: "best-fit", seed: 5 } as const;
  const records: StepRecord[] = [];
  await train<TrainingBatch>({
    model,
    batches: batchSource(createLoader({ shards, ...windows }), { batch, length: T }),
    steps: 5,
    microBatches,
    schedule: () => 0.003,
    optimizer: { weightDecay: 0 },
    onStep: (record) => records.push(record),
  });
  return { before, after: await values(), records };
}

/** Distance of two results relative to how far training went. */
function difference(a: Trained, b: Trained): number {
  const distance = (x: Float32Array, y: Float32Array): number => Math.hypot(...x.map((value, i) => value - y[i]!));
  expect(a.before).toEqual(b.before);
  return distance(a.after, b.after) / distance(a.after, a.before);
}

const plain = (...documents: number[]): Weighed[] => documents.map((d) => ({ document: d, weight: 1 }));

test("documents of weight 0 do not move a parameter", async () => {
  const weightless = [1, 2, 3, 4].map((d) => ({ document: d, weight: 0 }));
  for (const microBatches of [1, 2]) {
    const { before, after, records } = await trainOn(weightless, microBatches);
    expect(after).toEqual(before);
    expect(records.map(({ loss, gradientNorm }) => [loss, gradientNorm])).toEqual(Array(5).fill([0, 0]));
  }
  // Beside others they are as good as not there.
  const alone = await trainOn(plain(5, 6));
  const beside = await trainOn([...plain(5, 6), ...weightless.slice(2)]);
  expect(difference(beside, alone)).toBeLessThan(2e-3);
  expect(difference(await trainOn(plain(5, 6, 3, 4)), alone)).toBeGreaterThan(0.1);
});

test.each([1, 2])(
  "a document of weight 2 trains as one that is there twice, %d micro-batches a step",
  async (count) => {
    const weighed = await trainOn([{ document: 1, weight: 2 }, ...plain(2, 3, 4)], count);
    const twice = await trainOn(plain(1, 1, 2, 3, 4));
    for (const [i, { loss, terms }] of weighed.records.entries()) {
      expect(loss).toBeCloseTo(twice.records[i]!.loss, 4);
      expect(terms.mtp).toBeCloseTo(twice.records[i]!.terms.mtp!, 4);
    }
    expect(difference(weighed, twice)).toBeLessThan(2e-3);
    expect(difference(await trainOn(plain(1, 2, 3, 4), count), twice)).toBeGreaterThan(0.02);
  },
);
