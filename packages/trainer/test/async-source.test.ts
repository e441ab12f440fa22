import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mul } from "@ds3/tensor";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { type BatchSource, NonFiniteError, type StepRecord, type TrainableModel } from "../src/index.ts";
import { createBigram, createPairs, type Pairs } from "./bigram.ts";
import { expectSameCheckpoint } from "./helpers.ts";
import { trainBigram } from "./train-bigram.ts";

const device = useTestGpu();
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

/** The same pairs a little later; `before` is told how many batches were asked for and may throw or abort. */
function createLatePairs(before: (asked: number) => void = () => {}): BatchSource<Pairs> {
  const pairs = createPairs();
  let asked = 0;
  return {
    tokensPerBatch: ({ inputs }) => inputs.length,
    async next() {
      const batch = pairs.next();
      await pause();
      before(++asked);
      return batch;
    },
    cursor: pairs.cursor,
    seek: pairs.seek,
  };
}

test("batches that come later give the same run, bit for bit", async () => {
  const { gpu } = device;
  const [late, reference] = [temporaryFolder(), temporaryFolder()];
  using _scope = gpu.scope();
  await trainBigram(createBigram(gpu), createPairs(), { folder: reference, steps: 8 });
  await trainBigram(createBigram(gpu), createLatePairs(), { folder: late, steps: 8, checkpointEvery: 3 });
  await expectSameCheckpoint(late, reference);
});

test("what a source runs on the GPU sees every step so far, and nothing of a step is encoded before its batches", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const bigram = createBigram(gpu);
  const values = () => bigram.arena.segments[0]!.values.data();
  const seen: Float32Array[] = [];
  const pairs = createPairs();
  const next = async () => {
    seen.push(await values());
    return pairs.next();
  };
  const source: BatchSource<Pairs> = { ...createLatePairs(), next };
  await trainBigram(bigram, source, { steps: 3, schedule: () => 0.1, microBatches: 2 });
  expect(seen).toHaveLength(6);
  for (const first of [0, 2, 4]) expect(seen[first + 1]).toEqual(seen[first]);
  for (const first of [2, 4]) expect(seen[first]).not.toEqual(seen[first - 1]);
  const reference = createBigram(gpu);
  await trainBigram(reference, createPairs(), { steps: 2, schedule: () => 0.1, microBatches: 2 });
  expect(seen[4]).toEqual(await reference.arena.segments[0]!.values.data());
});

test("a source that rejects ends the run with its error: parameters, checkpoint and metrics are those of the steps before", async () => {
  const { gpu } = device;
  const [folder, reference] = [temporaryFolder(), temporaryFolder()];
  using _scope = gpu.scope();
  const good = createBigram(gpu);
  await trainBigram(good, createPairs(), { folder: reference, steps: 5 });
  const model = createBigram(gpu);
  // The second micro-batch of step 6.
  const source = createLatePairs((asked) => {
    if (asked === 12) throw new Error("reward server gone");
  });
  const records: StepRecord[] = [];
  const onStep = (record: StepRecord) => void records.push(record);
  const before = gpu.stats.liveBuffers;
  const run = trainBigram(model, source, { folder, steps: 10, checkpointEvery: 2, onStep });
  await expect(run).rejects.toThrow(/^reward server gone$/);
  expect(gpu.stats.liveBuffers).toBe(before);
  expect(await model.arena.segments[0]!.values.data()).toEqual(await good.arena.segments[0]!.values.data());
  expect(readdirSync(join(folder, "checkpoints")).sort()).toEqual(["step-00000002", "step-00000004"]);
  expect(records.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
  expect(readFileSync(join(folder, "metrics.jsonl"), "utf8")).toBe(
    readFileSync(join(reference, "metrics.jsonl"), "utf8"),
  );
});

test("a step that is not finite is the error when the source fails after it", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const bigram = createBigram(gpu);
  const model: TrainableModel<Pairs> = {
    ...bigram,
    loss: (batch) => ({ total: mul(bigram.loss(batch).total, gpu.full([1], Number.NaN)), terms: {} }),
  };
  const source = createLatePairs((asked) => {
    if (asked === 3) throw new Error("nothing but NaN to sample from");
  });
  const error = await trainBigram(model, source, { steps: 4 }).catch((error) => error);
  expect(NonFiniteError.is(error), `${error}`).toBe(true);
  expect(error.message).toMatch(/step 1, batch at \{"position":0\}/);
});

test.each(["rejects", "returns"])(
  "aborted while it waits for a batch, and the source %s: the run saves the steps before and goes on from there bit for bit",
  async (reaction) => {
    const { gpu } = device;
    const [folder, reference] = [temporaryFolder(), temporaryFolder()];
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu), createPairs(), { folder: reference, steps: 8 });
    const controller = new AbortController();
    const source = createLatePairs((asked) => {
      if (asked !== 8) return;
      controller.abort();
      if (reaction === "rejects") throw new Error("rollout cut short");
    });
    const { signal } = controller;
    const result = await trainBigram(createBigram(gpu), source, { folder, steps: 8, signal });
    // The second micro-batch of step 4 was asked for: step 4 is dropped, the source is where it began.
    expect(result).toEqual({
      steps: 3,
      tokens: 72,
      stopped: true,
      checkpoint: join(folder, "checkpoints/step-00000003"),
    });
    expect(source.cursor()).toEqual({ position: 72 });
    const resumed = await trainBigram(createBigram(gpu, 2), createLatePairs(), { folder, steps: 8, resume: true });
    expect(resumed).toMatchObject({ steps: 8, stopped: false });
    await expectSameCheckpoint(folder, reference);
  },
);
