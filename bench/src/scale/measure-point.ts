import { createDeepseek, type DeepseekModel } from "@ds3/deepseek";
import { openGpu } from "@ds3/tensor";
import { train } from "@ds3/trainer";
import { median } from "../figure.ts";
import { constantBatches, randomBatch } from "../mini.ts";
import { type ScalePoint, SIZES, TOKENS_PER_STEP } from "./scale-points.ts";

/** Windows of one step each, or of more where steps are short; fewer where one step is long. */
const WINDOWS = 3;
const WINDOW_SECONDS = 1;
const LONG = { seconds: 3, windows: 2 };

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

/** Trains a fresh model on this process' adapter: two steps of one sequence, then windows of steps. */
export async function measurePoint({ size, length, checkpoint }: ScalePoint): Promise<PointCost> {
  await using gpu = await openGpu();
  const model = createDeepseek(gpu, SIZES[size]!, { seed: 1, checkpoint });
  // The first step compiles and allocates.
  await trainSteps(model, 1, length, 1);
  const oneSequence = await trainSteps(model, 1, length, 1);
  const { peakBytes: sequenceBytes } = gpu.stats;
  const rows = TOKENS_PER_STEP / length;
  gpu.resetPeak();
  const oneStep = rows === 1 ? oneSequence : await trainSteps(model, rows, length, 1);
  const steps = Math.max(1, Math.round(WINDOW_SECONDS / oneStep));
  const seconds: number[] = [];
  const windows = oneStep < LONG.seconds ? WINDOWS : LONG.windows;
  while (seconds.length < windows) seconds.push(await trainSteps(model, rows, length, steps));
  const { peakBytes, cpuFallbacks } = gpu.stats;
  return {
    adapter: gpu.adapter.name,
    tokensPerSecond: (steps * TOKENS_PER_STEP) / median(seconds),
    steps,
    seconds: median(seconds),
    peakBytes,
    sequenceBytes,
    cpuFallbacks,
  };
}

/** Seconds of some steps, the last one's figures read back. */
async function trainSteps(model: DeepseekModel, rows: number, length: number, steps: number): Promise<number> {
  const batches = constantBatches(randomBatch(model.config, rows, length), rows * length);
  const start = performance.now();
  await train({ model, batches, steps, schedule: () => 1e-3 });
  return (performance.now() - start) / 1000;
}
