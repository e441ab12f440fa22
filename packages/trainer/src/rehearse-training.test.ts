import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openGpu } from "@ds3/tensor";
import { temporaryFolder, testGpuOptions, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectSameCheckpoint } from "../test/helpers.ts";
import { createTiny, createTinyBatches, trainTiny } from "../test/tiny-deepseek.ts";
import { createOptimizer } from "./optimizer.ts";
import { rehearseStep, rehearseTraining } from "./rehearse-training.ts";

const device = useTestGpu();

/** What the trainer knows of a batch before it is here: its shape. */
const batch = { ...createTinyBatches().next(), inputs: new Int32Array(32), targets: new Int32Array(32).fill(1) };

describe("a rehearsal", () => {
  test("changes no parameter, gradient, moment, bias, counter, or count of steps", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const model = createTiny(gpu);
    const optimizer = createOptimizer(model.arena, { moments: "bf16" });
    optimizer.steps = 5;
    const states = [...model.state.values()];
    for (const state of states)
      gpu.write(
        state,
        Array.from({ length: state.size }, (_, i) => i + 1),
      );
    const segments = model.arena.segments.flatMap(({ values, gradients }) => [values, gradients]);
    for (const { gradients } of model.arena.segments) gpu.write(gradients, new Float32Array(gradients.size).fill(3));
    const moments = optimizer.moments.flatMap(({ first, second }) => [first, second]);
    const held = [...segments, ...states, ...moments, optimizer.lastStats];
    const read = () => Promise.all(held.map((tensor) => tensor.data()));
    const before = await read();
    rehearseStep(model, batch, optimizer, 2);
    rehearseTraining({ model, batch });
    expect(await read()).toEqual(before);
    expect(optimizer.steps).toBe(5);
    expect(gpu.isRehearsing).toBe(false);
  });

  test("leaves a run as it is, bit for bit, resumed or not", async () => {
    const { gpu } = device;
    const [plain, rehearsed] = [temporaryFolder(), temporaryFolder()];
    for (const steps of [4, 8]) {
      using _scope = gpu.scope();
      await trainTiny(createTiny(gpu), plain, { steps, resume: true });
      await trainTiny(createTiny(gpu), rehearsed, { steps, resume: true, rehearsal: batch });
    }
    await expectSameCheckpoint(rehearsed, plain);
    const metrics = (folder: string): string => readFileSync(join(folder, "metrics.jsonl"), "utf8");
    expect(metrics(rehearsed)).toBe(metrics(plain));
  });

  test("compiles all kernels of the run and allocates its memory, from a model that is thrown away", async () => {
    const gpu = await openGpu(testGpuOptions());
    gpu.rehearse(() =>
      rehearseTraining({ model: createTiny(gpu), batch, microBatches: 2, optimizer: { moments: "bf16" } }),
    );
    expect(gpu.stats.liveBuffers).toBe(0);
    const { pipelines, allocations } = gpu.stats;
    await trainTiny(createTiny(gpu), temporaryFolder(), { steps: 2 });
    expect(gpu.stats.pipelines).toBe(pipelines);
    expect(gpu.stats.allocations - allocations).toBeLessThan(allocations / 10);
    await gpu.close();
  });
});
