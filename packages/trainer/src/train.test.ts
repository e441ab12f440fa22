import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GpuStats, mul, openGpu } from "@ds3/tensor";
import { temporaryFolder, testGpuOptions, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createBigram, createPairs, type Pairs } from "../test/bigram.ts";
import { trainBigram } from "../test/train-bigram.ts";
import { NonFiniteError, TrainingCheckpointError } from "./errors.ts";
import { evaluate } from "./evaluate.ts";
import { readNewestCheckpoint } from "./read-newest-checkpoint.ts";
import { batchSequences } from "./schedules.ts";
import type { StepRecord, TrainableModel, ValidationRecord } from "./types.ts";

const device = useTestGpu();

describe("a run", () => {
  test("learns, and logs every step with schedule and batch ramp by step and tokens", async () => {
    const { gpu } = device;
    const folder = temporaryFolder();
    const ramp = { start: 12, end: 36, rampTokens: 240 };
    const records: StepRecord[] = [];
    const asked: [number, number][] = [];
    using _scope = gpu.scope();
    const result = await trainBigram(createBigram(gpu), createPairs(12), {
      folder,
      steps: 30,
      schedule: (step, tokens) => {
        asked.push([step, tokens]);
        return 0.05;
      },
      microBatches: (_, tokens) => Math.round(batchSequences(ramp, tokens) / 12),
      onStep: (record) => records.push(record),
    });
    expect(records.slice(0, 12).map(({ microBatches }) => microBatches)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]);
    let tokens = 0;
    for (const [i, record] of records.entries()) {
      expect(asked[i]).toEqual([i, tokens]);
      tokens += 12 * record.microBatches;
      expect(record).toMatchObject({ step: i + 1, tokens, learningRate: 0.05, terms: { main: record.loss } });
    }
    expect(result).toMatchObject({ steps: 30, tokens });
    expect(records.at(-1)!.loss).toBeLessThan(records[0]!.loss - 1);
    expect(lines(folder)).toEqual(records);
  });

  test("the GPU has the next step queued before the figures of the one before are awaited", async () => {
    const { gpu } = device;
    const events: string[] = [];
    using _scope = gpu.scope();
    const bigram = createBigram(gpu);
    let encoded = 0;
    const model: TrainableModel<Pairs> = {
      ...bigram,
      afterStep: () => void events.push(`encoded ${++encoded}`),
    };
    const onStep = ({ step }: StepRecord): void => void events.push(`read ${step}`);
    await trainBigram(model, createPairs(), { steps: 4, onStep });
    const order = ["encoded 1", "encoded 2", "read 1", "encoded 3", "read 2", "encoded 4", "read 3", "read 4"];
    expect(events).toEqual(order);
  });

  test("memory stands still from step 3 on, and all is given back", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createBigram(gpu);
    const before = gpu.stats.liveBuffers;
    const stats: GpuStats[] = [];
    await trainBigram(model, createPairs(), { steps: 30, onStep: () => void stats.push(gpu.stats) });
    const [third, last] = [stats[2]!, stats[29]!];
    expect(last.liveBuffers).toBe(third.liveBuffers);
    expect(last.liveBytes).toBe(third.liveBytes);
    expect(last.allocations).toBe(third.allocations);
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("progress comes at the last step of a run of any length", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const steps: number[] = [];
    await trainBigram(createBigram(gpu), createPairs(), { steps: 3, onProgress: ({ step }) => steps.push(step) });
    expect(steps.at(-1)).toBe(3);
  });

  test("validation runs before the first step, every N and after the last, and disturbs nothing", async () => {
    const { gpu } = device;
    const [plain, validated] = [temporaryFolder(), temporaryFolder()];
    const records: ValidationRecord[] = [];
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu), createPairs(), { folder: plain, steps: 10 });
    const model = createBigram(gpu);
    const run = () =>
      evaluate({
        gpu,
        batches: [createPairs(24).next()],
        loss: (batch) => model.loss(batch).total,
        targetCount: ({ targets }) => targets.length,
      });
    const validate = { every: 4, run };
    await trainBigram(model, createPairs(), {
      folder: validated,
      steps: 10,
      validate,
      onValidation: (record) => records.push(record),
    });
    expect(records.map(({ step, tokens }) => [step, tokens])).toEqual([
      [0, 0],
      [4, 96],
      [8, 192],
      [10, 240],
    ]);
    expect(records.at(-1)!.validationLoss).toBeLessThan(records[0]!.validationLoss);
    expect(lines(validated).filter((line) => "validationLoss" in line)).toEqual(records);
    const files = async (folder: string) => (await readNewestCheckpoint(join(folder, "checkpoints")))!.files;
    expect(await files(validated)).toEqual(await files(plain));
  });
});

describe("a step that is not finite", () => {
  test.each(["loss", "gradient"] as const)(
    "%s: named with its batch, not applied, and the last checkpoint stays",
    async (kind) => {
      const { gpu } = device;
      const [folder, reference] = [temporaryFolder(), temporaryFolder()];
      using _scope = gpu.scope();
      const good = createBigram(gpu);
      await trainBigram(good, createPairs(), { folder: reference, steps: 6 });
      const bigram = createBigram(gpu);
      let calls = 0;
      const model: TrainableModel<Pairs> = {
        ...bigram,
        loss: (batch) => {
          const { total, terms } = bigram.loss(batch);
          // Step 7's second micro-batch. 1e20 leaves the loss finite, but not the squares of the gradient.
          if (++calls !== 14) return { total, terms };
          return { total: mul(total, gpu.full([1], kind === "loss" ? Number.NaN : 1e20)), terms };
        },
      };
      const run = trainBigram(model, createPairs(), { folder, steps: 20, checkpointEvery: 2 });
      const error = await run.catch((error) => error);
      expect(NonFiniteError.is(error), `${error}`).toBe(true);
      expect(error.message).toMatch(
        /^train: step 7, batch at \{"position":144\}: expected a finite loss and gradient norm, got /,
      );
      expect(error.message).toMatch(
        kind === "loss" ? /got loss NaN, / : /got loss [\de+.]+, gradient norm (Infinity|NaN)/,
      );
      expect(error.message).toContain(join(folder, "checkpoints/step-00000006"));
      // Step 8 was on the GPU, too: neither moved a parameter.
      const values = ({ arena }: TrainableModel<Pairs>) => arena.segments[0]!.values.data();
      expect(await values(bigram)).toEqual(await values(good));
      expect(readdirSync(join(folder, "checkpoints")).sort()).toEqual(["step-00000004", "step-00000006"]);
      const [a, b] = await Promise.all(
        [folder, reference].map((run) => readNewestCheckpoint(join(run, "checkpoints"))),
      );
      expect(a!.files).toEqual(b!.files);
      expect(lines(folder).at(-1)).toMatchObject({ step: 6 });
    },
  );
});

describe("resume refuses", () => {
  const attempt = async (change: (folder: string) => Promise<Parameters<typeof trainBigram>[2]>) => {
    const { gpu } = device;
    const folder = temporaryFolder();
    using _scope = gpu.scope();
    await trainBigram(createBigram(gpu), createPairs(), {
      folder,
      steps: 4,
      settings: { config: { width: 8 }, seed: 1 },
    });
    const model = createBigram(gpu, 2);
    const before = await model.arena.segments[0]!.values.data();
    const options = await change(folder);
    const error = await trainBigram(model, createPairs(), { folder, resume: true, ...options }).catch((error) => error);
    expect(TrainingCheckpointError.is(error), `${error}`).toBe(true);
    // What is refused changes nothing.
    expect(await model.arena.segments[0]!.values.data()).toEqual(before);
    return error.message as string;
  };

  test("other settings, by their name", async () => {
    const message = await attempt(async () => ({ steps: 8, settings: { config: { width: 16 }, seed: 1 } }));
    expect(message).toMatch(/^resume: settings.config.width: expected 16, got 8\./);
  });

  test("moments of another dtype", async () => {
    const settings = { config: { width: 8 }, seed: 1 };
    const message = await attempt(async () => ({ steps: 8, settings, optimizer: { moments: "bf16" } }));
    expect(message).toMatch(/optimiser moments first.0: expected BF16 \[448\], got F32 \[448\]/);
  });

  test("a folder where every checkpoint is torn", async () => {
    const message = await attempt(async (folder) => {
      truncateSync(join(folder, "checkpoints/step-00000004/model.safetensors"), 100);
      return { steps: 8 };
    });
    expect(message).toMatch(/at least one whole checkpoint, got only torn ones.*model.safetensors/);
  });
});

test("a torn newest checkpoint is passed over with a note, and the run goes on from the older one", async () => {
  const { gpu } = device;
  const [folder, reference] = [temporaryFolder(), temporaryFolder()];
  const notes: string[] = [];
  using _scope = gpu.scope();
  await trainBigram(createBigram(gpu), createPairs(), { folder: reference, steps: 12 });
  await trainBigram(createBigram(gpu), createPairs(), { folder, steps: 8, checkpointEvery: 4 });
  truncateSync(join(folder, "checkpoints/step-00000008/model.safetensors"), 500);
  const onNote = (note: string): void => void notes.push(note);
  await trainBigram(createBigram(gpu, 2), createPairs(), { folder, steps: 12, resume: true, onNote });
  expect(notes[0]).toMatch(/^passed over: .*step-00000008.model.safetensors: expected \d+ bytes, got 500/);
  expect(notes[1]).toMatch(/^resumed from .*step-00000004 at step 4$/);
  const [a, b] = await Promise.all([folder, reference].map((run) => readNewestCheckpoint(join(run, "checkpoints"))));
  expect(a!.files).toEqual(b!.files);
});

test("a lost device ends the run by name, and the last checkpoint stays", async () => {
  const folder = temporaryFolder();
  const gpu = await openGpu(testGpuOptions());
  const onStep = ({ step }: StepRecord): void => {
    if (step === 5) gpu.device.destroy();
  };
  const run = trainBigram(createBigram(gpu), createPairs(), { folder, steps: 20, checkpointEvery: 4, onStep });
  await expect(run).rejects.toThrow(/lost|destroyed/i);
  expect(readdirSync(join(folder, "checkpoints"))).toEqual(["step-00000004"]);
});

test("a model file with a name of the trainer's own is refused", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = { ...createBigram(gpu), save: async () => ({ "state.json": new Uint8Array() }) };
  const run = trainBigram(model, createPairs(), { folder: temporaryFolder(), steps: 1 });
  await expect(run).rejects.toThrow(/save: state.json: expected model files with names other/);
});

test("a folder that cannot be made is named, before any step", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const file = join(temporaryFolder(), "file");
  writeFileSync(file, "mine");
  const run = trainBigram(createBigram(gpu), createPairs(), { folder: file, steps: 1 });
  await expect(run).rejects.toThrow(TrainingCheckpointError);
  await expect(run).rejects.toThrow(/file: expected a folder that can be written, got EEXIST/);
  expect(readFileSync(file, "utf8")).toBe("mine");
});

function lines(folder: string): Record<string, unknown>[] {
  const text = readFileSync(join(folder, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
