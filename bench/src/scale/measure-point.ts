import { createDeepseek, type DeepseekModel } from "@ds3/deepseek";
import { openGpu } from "@ds3/tensor";
import { train } from "@ds3/trainer";
import { median } from "../figure.ts";
import { constantBatches, randomBatch } from "../mini.ts";
import { type ScalePoint, SIZES, TOKENS_PER_STEP } from "./scale-points.ts";

/** Windows of one step each, or of more where steps are short. */
const WINDOWS = 3;
const WINDOW_SECONDS = 1;

/** What a point costs. */
export interface PointCost {
  readonly adapter: string;
  readonly tokensPerSecond: number;
  /** Steps and seconds of one window. */
  readonly steps: number;
  readonly seconds: number;
  /** At most, in a step of TOKENS_PER_STEP tokens. */
  readonly peakBytes: number;
  /** At most, in a step of one sequence. */
  readonly sequenceBytes: number;
  readonly cpuFallbacks: number;
}

/** A point with what it costs. */
export interface MeasuredPoint extends ScalePoint, PointCost {}

/** Trains a fresh model on this process' adapter: two steps of one sequence, then windows of whole steps. */
export async function measurePoint({ size, length, checkpoint }: ScalePoint): Promise<PointCost> {
  await using gpu = await openGpu();
  const model = createDeepseek(gpu, SIZES[size]!, { seed: 1, checkpoint });
  await trainSteps(model, 1, length, 2);
  const { peakBytes: sequenceBytes } = gpu.stats;
  const rows = TOKENS_PER_STEP / length;
  gpu.resetPeak();
  const steps = Math.max(1, Math.round(WINDOW_SECONDS / (await trainSteps(model, rows, length, 1))));
  const windows = [];
  for (let window = 0; window < WINDOWS; window++) windows.push(await trainSteps(model, rows, length, steps));
  const seconds = median(windows);
  const { peakBytes, cpuFallbacks } = gpu.stats;
  const tokensPerSecond = (steps * TOKENS_PER_STEP) / seconds;
  return { adapter: gpu.adapter.name, tokensPerSecond, steps, seconds, peakBytes, sequenceBytes, cpuFallbacks };
}

/** Seconds of some steps, the last one's figures read back. */
async function trainSteps(model: DeepseekModel, rows: number, length: number, steps: number): Promise<number> {
  const batches = constantBatches(randomBatch(model.config, rows, length), rows * length);
  const start = performance.now();
  await train({ model, batches, steps, schedule: () => 1e-3 });
  return (performance.now() - start) / 1000;
}
