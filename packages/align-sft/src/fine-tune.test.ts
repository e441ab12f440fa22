import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EmptyDataError } from "@ds3/data";
import type { DeepseekModel } from "@ds3/deepseek";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { type StepRecord, TrainingCheckpointError } from "@ds3/trainer";
import { describe, expect, test } from "vitest";
import { samples } from "../test/chats.ts";
import { createTiny } from "../test/tiny-model.ts";
import { fineTune } from "./fine-tune.ts";
import type { FineTuneOptions, SftStage } from "./fine-tune-options.ts";

const device = useTestGpu();

const stages: readonly SftStage[] = [
  { name: "all", epochs: 4, schedule: { peak: 1e-2, floor: 1e-3, warmupSteps: 2 } },
  { name: "talk", sources: ["colours"], steps: 5, schedule: { peak: 1e-3 } },
];

/** Two rows, one a batch, two batches a step. */
function run(model: DeepseekModel, folder: string, options: Partial<FineTuneOptions> = {}) {
  const rows = { length: 64, batch: 1, microBatches: 2 };
  return fineTune({ model, samples, stages, folder, ...rows, ...options });
}

const valuesOf = ({ arena }: DeepseekModel) => arena.segments[0]!.values.data();
const jsonLines = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

/** What the model writes behind a prompt, always the most likely token. */
async function greedy(model: DeepseekModel, prompt: Int32Array, count: number): Promise<Int32Array> {
  const ids = [...prompt];
  while (ids.length < prompt.length + count) {
    using _scope = model.gpu.scope();
    const tokens = { inputs: Int32Array.from(ids), batch: 1, length: ids.length };
    const logits = await model.gpu.noGrad(() => model.logits(tokens, Int32Array.of(ids.length - 1), false)).data();
    ids.push(logits.indexOf(Math.max(...logits)));
  }
  return Int32Array.from(ids.slice(prompt.length));
}

test("a model learns a handful of conversations by heart", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const losses: number[] = [];
  const result = await run(model, temporaryFolder(), {
    stages: [{ name: "all", steps: 90, schedule: { peak: 1e-2, floor: 1e-3 } }],
    onStep: ({ loss }) => losses.push(loss),
  });
  expect(result).toMatchObject({ stopped: false, stages: [{ name: "all", steps: 90 }] });
  expect(losses[0]).toBeGreaterThan(4);
  expect(losses.at(-1)).toBeLessThan(0.05);
  for (const { ids, assistantMask } of samples) {
    const from = assistantMask.indexOf(1);
    const reply = ids.subarray(from, assistantMask.indexOf(0, from) < 0 ? ids.length : assistantMask.indexOf(0, from));
    expect(await greedy(model, ids.subarray(0, from), reply.length)).toEqual(reply);
  }
});

test("stages: own samples, steps, schedule, folder, in their order", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const folder = temporaryFolder();
  const begun: unknown[] = [];
  const records: StepRecord[] = [];
  const onStep = (record: StepRecord) => void records.push(record);
  const onStage = (stage: unknown) => void begun.push(stage);
  const result = await run(createTiny(gpu), folder, { onStage, onStep });
  expect(begun).toMatchObject([
    { name: "all", steps: 4, samples: 4, rows: 2 },
    { name: "talk", steps: 5, samples: 2, rows: 1 },
  ]);
  // Warm-up from 0 to 1e-2 in 2 steps, half a cosine to 1e-3; then from 1e-3 to the default floor.
  const cosine = (peak: number, floor: number, share: number) =>
    floor + ((peak - floor) * (1 + Math.cos(Math.PI * share))) / 2;
  const rates = [0, 5e-3, 1e-2, cosine(1e-2, 1e-3, 1 / 2), ...[0, 1, 2, 3, 4].map((i) => cosine(1e-3, 1e-6, i / 5))];
  for (const [i, { learningRate }] of records.entries()) expect(learningRate, `step ${i}`).toBeCloseTo(rates[i]!, 12);
  expect(records).toHaveLength(9);
  expect(result.stages.map(({ name, steps, tokens }) => [name, steps, tokens])).toEqual([
    ["all", 4, records[3]!.tokens],
    ["talk", 5, records[8]!.tokens],
  ]);
  expect(result.stages[1]!.checkpoint).toBe(join(folder, "talk/checkpoints/step-00000005"));
  expect(jsonLines(join(folder, "all/metrics.jsonl"))).toEqual(records.slice(0, 4));
  expect(readdirSync(folder).sort()).toEqual(["all", "talk"]);
});

test("a step's loss is the mean over all its targets, not the mean of its batches' means", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const first = async (batch: number, microBatches: number) => {
    const records: StepRecord[] = [];
    const stage = { name: "one", steps: 1 };
    await run(createTiny(gpu), temporaryFolder(), {
      stages: [stage],
      batch,
      microBatches,
      onStep: (record) => records.push(record),
    });
    return records[0]!;
  };
  const [together, apart] = [await first(2, 1), await first(1, 2)];
  expect(apart.loss).toBeCloseTo(together.loss, 6);
  expect(apart.gradientNorm).toBeCloseTo(together.gradientNorm, 5);
});

describe("resume", () => {
  test.each([2, 4, 6])(
    "after step %i: finished stages are not repeated, and the end is the same bit for bit",
    async (stop) => {
      const { gpu } = device;
      using _scope = gpu.scope();
      const [folder, reference] = [temporaryFolder(), temporaryFolder()];
      const whole = createTiny(gpu);
      await run(whole, reference);
      const controller = new AbortController();
      let steps = 0;
      const onStep = () => {
        if (++steps === stop) controller.abort();
      };
      const stopped = await run(createTiny(gpu), folder, { onStep, signal: controller.signal });
      expect(stopped.stopped).toBe(true);
      const done = stopped.stages.reduce((sum, stage) => sum + stage.steps, 0);
      expect(done).toBeLessThan(9);
      let more = 0;
      const model = createTiny(gpu, 2);
      const result = await run(model, folder, { resume: true, onStep: () => void more++ });
      expect(more).toBe(9 - done);
      expect(result.stages.map(({ steps }) => steps)).toEqual([4, 5]);
      expect(await valuesOf(model)).toEqual(await valuesOf(whole));
      // All is finished now: nothing is trained, the model is there.
      const again = createTiny(gpu, 3);
      const onStepAgain = () => expect.fail("a finished stage was trained");
      expect(await run(again, folder, { resume: true, onStep: onStepAgain })).toEqual(result);
      expect(await valuesOf(again)).toEqual(await valuesOf(whole));
    },
  );

  test("refuses other samples, and a stage whose earlier stage was another", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const folder = temporaryFolder();
    const short: SftStage[] = [
      { name: "a", steps: 1 },
      { name: "b", steps: 1 },
    ];
    await run(createTiny(gpu), folder, { stages: short });
    const attempt = (options: Partial<FineTuneOptions>) =>
      run(createTiny(gpu), folder, { stages: short, resume: true, ...options });
    await expect(attempt({ samples: samples.slice(1) })).rejects.toThrow(TrainingCheckpointError);
    await expect(attempt({ samples: samples.slice(1) })).rejects.toThrow(/resume: settings.data/);
    await expect(attempt({ stages: [short[1]!] })).rejects.toThrow(/resume: settings.earlier: expected null/);
    await expect(attempt({})).resolves.toMatchObject({ stopped: false });
  });

  test("without it, an earlier run's stages and log go to previous/", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const folder = temporaryFolder();
    const notes: string[] = [];
    const sample = { prompts: [], generate: async () => [] };
    const options = { stages: [{ name: "a", steps: 1 }], sample, onNote: (note: string) => void notes.push(note) };
    await run(createTiny(gpu), folder, options);
    expect(notes).toEqual([]);
    await run(createTiny(gpu), folder, options);
    expect(notes).toEqual([`an earlier run's stages are now in ${join(folder, "previous")}`]);
    expect(readdirSync(join(folder, "previous")).sort()).toEqual(["a", "stages.jsonl"]);
    expect(existsSync(join(folder, "a/checkpoints/step-00000001"))).toBe(true);
    expect(jsonLines(join(folder, "stages.jsonl"))).toHaveLength(2);
  });
});

describe("the repetition rate", () => {
  const prompts = samples.map(({ ids }) => ids.subarray(0, 3));
  /** The nth measurement finds n of 4 completions repeating. */
  function counted(atMeasure: (n: number) => void = () => {}) {
    let measured = 0;
    const generate = async (given: readonly Int32Array[]) => {
      expect(given).toBe(prompts);
      const bad = ++measured;
      atMeasure(bad);
      return given.map((_, i) => ({ tokens: i < bad ? [1, 1, 1, 1] : [1, 2, 3, 4], stopped: false }));
    };
    return { prompts, generate };
  }

  test("is measured once before the first stage and once after each, logged and returned", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const folder = temporaryFolder();
    const { stages } = await run(createTiny(gpu), folder, { sample: counted() });
    expect(stages.map(({ repetitionRate }) => repetitionRate)).toEqual([
      { before: 0.25, after: 0.5 },
      { before: 0.5, after: 0.75 },
    ]);
    expect(jsonLines(join(folder, "stages.jsonl"))).toEqual([
      { stage: "all", when: "before", repetitionRate: 0.25, completions: 4 },
      { stage: "all", when: "after", repetitionRate: 0.5, completions: 4 },
      { stage: "talk", when: "after", repetitionRate: 0.75, completions: 4 },
    ]);
    const generate = () => Promise.reject(new Error("measured again"));
    const again = await run(createTiny(gpu), folder, { sample: { prompts, generate }, resume: true });
    expect(again.stages).toEqual(stages);
  });

  test.each(["returns", "rejects"])(
    "aborted while it is measured, and generate %s: nothing is logged; resumed, it is",
    async (how) => {
      const { gpu } = device;
      using _scope = gpu.scope();
      const folder = temporaryFolder();
      const controller = new AbortController();
      const sample = counted((n) => {
        if (n < 2) return;
        controller.abort();
        if (how === "rejects") throw new Error("cut short");
      });
      const stopped = await run(createTiny(gpu), folder, { sample, signal: controller.signal });
      expect(stopped).toMatchObject({
        stopped: true,
        stages: [{ name: "all", steps: 4, repetitionRate: { before: 0.25 } }],
      });
      expect(jsonLines(join(folder, "stages.jsonl"))).toHaveLength(1);
      const result = await run(createTiny(gpu), folder, { sample: counted(), resume: true });
      expect(result.stages.map(({ repetitionRate }) => repetitionRate)).toEqual([
        { before: 0.25, after: 0.25 },
        { before: 0.25, after: 0.5 },
      ]);
    },
  );

  test("a generate that fails ends the run with its error", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const generate = () => Promise.reject(new Error("no memory left"));
    const attempt = run(createTiny(gpu), temporaryFolder(), { sample: { prompts, generate } });
    await expect(attempt).rejects.toThrow(/^no memory left$/);
  });
});

describe("before anything is trained, it names", () => {
  const attempt = async (options: Partial<FineTuneOptions>): Promise<Error> => {
    const folder = join(temporaryFolder(), "run");
    using _scope = device.gpu.scope();
    const error = await run(createTiny(device.gpu), folder, options).catch((error) => error);
    expect(existsSync(folder)).toBe(false);
    return error;
  };

  test("stages without plain names of their own", async () => {
    const named = (...names: string[]) => attempt({ stages: names.map((name) => ({ name, steps: 1 })) });
    expect(ConfigError.is(await named())).toBe(true);
    expect((await named("a", "a")).message).toMatch(
      /stages\[1\].name: expected a name that no stage before has, got "a"/,
    );
    expect((await named("a/b")).message).toMatch(/stages\[0\].name: expected letters, digits/);
    expect((await named("previous")).message).toMatch(/expected a name other than previous/);
    expect((await named("..")).message).toMatch(/expected a name other than/);
  });

  test("sources that no sample has", async () => {
    const error = await attempt({ stages: [{ name: "talk", sources: ["colours", "poems"], steps: 1 }] });
    expect(EmptyDataError.is(error)).toBe(true);
    expect(error.message).toMatch(/stages.talk.sources: expected sources that samples have: colours, sums, got poems/);
    const none = await attempt({ stages: [{ name: "talk", sources: [], steps: 1 }] });
    expect(none.message).toMatch(/got none/);
  });

  test("numbers that make no sense", async () => {
    const staged = (stage: Omit<SftStage, "name">) => attempt({ stages: [{ name: "s", ...stage } as SftStage] });
    for (const error of [
      await staged({ steps: 0 }),
      await staged({ epochs: -1 }),
      await attempt({ microBatches: 0.5 }),
    ]) {
      expect(OutOfRangeError.is(error), error.message).toBe(true);
    }
    expect((await staged({ steps: 1.5 })).message).toMatch(/stages.s.steps: expected an integer >= 1, got 1.5/);
    expect((await staged({ epochs: 0 })).message).toMatch(/stages.s.epochs: expected a number above 0, got 0/);
    expect((await staged({} as { steps: number })).message).toMatch(/stages.s.epochs: .*got undefined/);
    const schedule = (schedule: SftStage["schedule"] & object) => staged({ steps: 2, schedule });
    expect((await schedule({ floor: 1 })).message).toMatch(
      /schedule.floor: expected a number above 0, at most 0.000005/,
    );
    expect((await schedule({ warmupSteps: 3 })).message).toMatch(/schedule.warmupSteps: .*at most 2, got 3/);
    expect((await schedule({ peak: Number.NaN })).message).toMatch(/schedule.peak/);
  });
});
