import { type Gpu, openGpu } from "@ds3/tensor";
import { train } from "@ds3/trainer";
import { exposeGarbageCollector } from "./collect-garbage.ts";
import { countBuffers } from "./count-buffers.ts";
import type { Figure } from "./figure.ts";
import type { TrainingRun } from "./measure-training.ts";
import { type MemorySample, residentGrowth, steadyProblems } from "./steady-verdict.ts";
import { gptRun, miniRun } from "./training-runs.ts";

/** The step after which nothing may move. */
const SETTLED = 3;
/** Samples between, for the course of process memory. */
const SAMPLES = 10;

/** How long to train, and who hears of what does not hold. */
export interface SteadyOptions {
  readonly steps: number;
  readonly onNote: (line: string) => void;
  readonly onProblem: (line: string) => void;
}

/**
 * Trains the tiny GPT, or the `mini` preset where the peers' folder is absent, and compares what is held after the third
 * step and after the last: live buffers, peak bytes, buffers created, process memory.
 */
export async function* benchSteady({ steps, onNote, onProblem }: SteadyOptions): AsyncGenerator<Figure> {
  await using gpu = await openGpu();
  const createdBuffers = countBuffers(gpu.device);
  const run = gptRun(gpu) ?? miniRun(gpu);
  onNote(`${gpu.adapter.name}: ${steps} steps of ${run.name}`);
  const samples = await sampleMemory(run as TrainingRun<unknown>, steps, createdBuffers);
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const course = samples.map(({ residentBytes }) => (residentBytes / 1e6).toFixed(1)).join(" ");
  onNote(`process memory in MB after steps ${samples.map(({ step }) => step).join(" ")}: ${course}`);
  yield* steadyFigures(gpu, first, last);
  for (const problem of steadyProblems(first, last)) onProblem(problem);
}

async function sampleMemory<Batch>(
  { model, batches, clipNorm }: TrainingRun<Batch>,
  steps: number,
  createdBuffers: () => number,
): Promise<MemorySample[]> {
  const { gpu } = model;
  const collectGarbage = exposeGarbageCollector();
  const every = Math.ceil(steps / SAMPLES);
  const samples: MemorySample[] = [];
  const onStep = ({ step }: { readonly step: number }): void => {
    if (step !== SETTLED && step !== steps && (step < SETTLED || step % every !== 0)) return;
    collectGarbage();
    const { liveBuffers, peakBytes, allocations } = gpu.stats;
    const created = { poolBuffers: allocations, deviceBuffers: createdBuffers() };
    samples.push({ step, liveBuffers, peakBytes, ...created, residentBytes: process.memoryUsage.rss() });
  };
  const clipping = clipNorm === undefined ? {} : { clipNorm };
  await train({ model, batches, steps, schedule: () => 1e-3, ...clipping, onStep });
  return samples;
}

function steadyFigures(gpu: Gpu, first: MemorySample, last: MemorySample): Figure[] {
  const steps = last.step - first.step;
  const figure = (name: string, value: number, unit: Figure["unit"], note?: string): Figure => {
    const base = { name: `steady.${name}`, value, unit, adapter: gpu.adapter.name, steps: last.step };
    return note === undefined ? base : { ...base, note };
  };
  const pair = (name: string, unit: Figure["unit"], of: (sample: MemorySample) => number): Figure[] => [
    figure(`${name}.step-${SETTLED}`, of(first), unit),
    figure(`${name}.end`, of(last), unit),
  ];
  return [
    ...pair("live-buffers", "count", ({ liveBuffers }) => liveBuffers),
    ...pair("peak-bytes", "bytes", ({ peakBytes }) => peakBytes),
    ...pair("process-bytes", "bytes", ({ residentBytes }) => residentBytes),
    figure("process-growth", residentGrowth(first, last), "ratio"),
    figure("pool-buffers-per-step", (last.poolBuffers - first.poolBuffers) / steps, "count"),
    figure(
      "device-buffers-per-step",
      (last.deviceBuffers - first.deviceBuffers) / steps,
      "count",
      "read-backs included",
    ),
  ];
}
