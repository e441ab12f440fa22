import { createDeepseek, deepseekV3, type TrainingBatch } from "@ds3/deepseek";
import { useTestGpu } from "@ds3/testing";
import { expect, test, vi } from "vitest";
import { type BatchSource, train } from "../src/index.ts";

const device = useTestGpu();
const [batch, length, warmUp, steps] = [2, 24, 3, 23];
const config = deepseekV3("tiny", { vocabSize: 96 });

/** New ids in every micro-batch, so that experts get other loads. */
function createBatches(): BatchSource<TrainingBatch> {
  let state = 1;
  const draw = (): Int32Array =>
    Int32Array.from({ length: batch * length }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % config.vocabSize;
    });
  const next = (): TrainingBatch => ({ inputs: draw(), targets: draw(), batch, length });
  return { tokensPerBatch: batch * length, next, cursor: () => state, seek: () => {} };
}

test.each(["none", "block"] as const)(
  "checkpoint %s, three micro-batches: from the fourth step on no GPU buffer is created and memory stands still",
  async (checkpoint) => {
    const { gpu } = device;
    await gpu.trim();
    using _scope = gpu.scope();
    const model = createDeepseek(gpu, config, { seed: 1, checkpoint });
    const created = vi.spyOn(gpu.device, "createBuffer");
    created.mockClear();
    const seen: object[] = [];
    const bindGroups: number[] = [];
    const onStep = (): void => {
      const { allocations, liveBuffers, liveBytes, peakBytes, allocatedBytes, pipelines } = gpu.stats;
      const buffers = created.mock.calls.length;
      seen.push({ buffers, allocations, liveBuffers, liveBytes, peakBytes, allocatedBytes, pipelines });
      bindGroups.push(gpu.stats.bindGroups);
      gpu.resetPeak();
    };
    await train({ model, batches: createBatches(), steps, schedule: () => 1e-3, microBatches: 3, onStep });
    expect(seen).toHaveLength(steps);
    // The figures of a step are read while the next one is encoded, and the last one's behind all.
    for (const later of seen.slice(warmUp, -1)) expect(later).toEqual(seen[warmUp - 1]);
    // Gradients of the embedding lie by distinct ids: their sizes, and so a few buffers, follow the batch.
    expect(bindGroups.at(-1)).toBeLessThan(1.05 * bindGroups[warmUp - 1]!);
    // What counts buffers does count them.
    const before = created.mock.calls.length;
    gpu.empty([1_234_567]);
    expect(created.mock.calls.length).toBe(before + 1);
  },
);
