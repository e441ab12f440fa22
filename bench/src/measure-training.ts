import { type BatchSource, type OptimizerOptions, type StepRecord, type TrainableModel, train } from "@ds3/trainer";
import type { BenchContext } from "./bench-case.ts";
import { type Figure, median } from "./figure.ts";
import { ratesOf } from "./peak-share.ts";

/** Steps before the clock starts: pipelines compile and buffers are allocated in the first, caches settle by the third. */
const WARM_UP = 4;
/** Windows of the measurement; the figure is their median. */
const WINDOWS = 3;

/** What is trained. */
export interface TrainingRun<Batch> {
  readonly name: string;
  readonly model: TrainableModel<Batch>;
  readonly batches: BatchSource<Batch>;
  /** Floating-point operations of a token, backward included. */
  readonly flopsPerToken: number;
  readonly clipNorm?: number;
  readonly optimizer?: OptimizerOptions;
}

/** Trains through the trainer's own loop and times windows of steps, the last loss read back inside each window. */
export async function measureTraining<Batch>(
  { name, model, batches, flopsPerToken, clipNorm, optimizer = {} }: TrainingRun<Batch>,
  { peak, steps }: BenchContext,
): Promise<Figure> {
  const { gpu } = model;
  const records: StepRecord[] = [];
  const clipping = clipNorm === undefined ? {} : { clipNorm };
  const onStep = (record: StepRecord): void => void records.push(record);
  const run = (count: number): Promise<unknown> =>
    train({ model, batches, steps: count, schedule: () => 1e-3, optimizer, ...clipping, onStep });
  await run(WARM_UP);
  const firstLosses = records.map(({ loss }) => loss);
  gpu.resetPeak();
  const before = gpu.stats;
  const seconds: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const start = performance.now();
    await run(steps);
    seconds.push((performance.now() - start) / 1000);
  }
  const after = gpu.stats;
  const perStep = (total: number): number => Math.round((10 * total) / (steps * WINDOWS)) / 10;
  const wallSeconds = median(seconds);
  const tokens = records.at(-1)!.tokens;
  return {
    name,
    value: tokens / wallSeconds,
    unit: "tokens/s",
    adapter: gpu.adapter.name,
    ...ratesOf({ flops: tokens * flopsPerToken }, wallSeconds, peak),
    steps,
    wallSeconds,
    dispatchesPerStep: perStep(after.dispatches - before.dispatches),
    submitsPerStep: perStep(after.submits - before.submits),
    firstLosses,
    peakBytes: after.peakBytes,
    liveBuffers: after.liveBuffers,
    cpuFallbacks: after.cpuFallbacks,
  };
}
