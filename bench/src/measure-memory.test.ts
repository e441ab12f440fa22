import { createDeepseek, deepseekV3 } from "@ds3/deepseek";
import { type Gpu, openGpu } from "@ds3/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { measureMemory, type StepMemory } from "./measure-memory.ts";
import { randomBatch } from "./mini.ts";

const config = deepseekV3("tiny", { numHiddenLayers: 2, numNextnPredictLayers: 0 });
const PRECISIONS = ["f32", "fp8"] as const;

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

async function memoryOf(
  precision: (typeof PRECISIONS)[number],
  checkpoint: "none" | "block" = "none",
): Promise<StepMemory> {
  using _model = gpu.scope("model");
  const model = createDeepseek(gpu, config, { seed: 1, precision, checkpoint });
  return await measureMemory(model, randomBatch(config, 1, 128), { moments: precision === "fp8" ? "bf16" : "f32" });
}

const total = (kept: StepMemory["kept"]): number => Object.values(kept).reduce((sum, bytes) => sum + bytes, 0);

test("what the tape keeps is what is live after forward, but for a few numbers", async () => {
  for (const precision of PRECISIONS) {
    const { activations, kept } = await memoryOf(precision);
    expect(total(kept)).toBeLessThanOrEqual(activations);
    expect(total(kept)).toBeGreaterThan(0.97 * activations);
  }
});

test("the same bytes on every run, and nothing left", async () => {
  const before = gpu.stats.liveBytes;
  const [first, second] = [await memoryOf("fp8"), await memoryOf("fp8")];
  expect(second).toEqual(first);
  expect(gpu.stats.liveBytes).toBe(before);
});

test("FP8 with moments in bf16 keeps less than f32; weights and gradients are the same", async () => {
  const [f32, fp8] = [await memoryOf("f32"), await memoryOf("fp8")];
  expect(fp8.activations).toBeLessThan(f32.activations);
  expect(fp8.kept["products in FP8"]! + fp8.kept["weights in the products' format"]!).toBeLessThan(
    f32.kept["products in f32"]! + f32.kept.SwiGLU!,
  );
  expect(f32.moments / fp8.moments).toBeCloseTo(2, 5);
  expect([fp8.weights, fp8.gradients]).toEqual([f32.weights, f32.gradients]);
  expect(f32.weights).toBeGreaterThan(4 * 1e5);
  expect(f32.peak).toBeGreaterThan(f32.weights + f32.gradients + f32.moments + f32.activations);
});

test("checkpointed blocks keep their inputs", async () => {
  const [none, block] = [await memoryOf("fp8"), await memoryOf("fp8", "block")];
  expect(block.activations).toBeLessThan(none.activations);
  // Two blocks' inputs of 128 tokens by 64.
  expect(block.kept["inputs of blocks"]).toBe(2 * 128 * 64 * 4);
});
