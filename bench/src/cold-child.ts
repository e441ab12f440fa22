/** cold-child.ts MODEL step|pipelines: one measurement of `cold.bench.ts`, as a line of JSON. */
import type { Gpu, Kernel } from "@ds3/tensor";
import type { TrainingRun } from "./measure-training.ts";

const node = performance.now();

export type ColdModel = "gpt.tiny" | "deepseek.mini";

/** Milliseconds from the start of the process to the end of each part. */
export interface FirstStep {
  readonly adapter: string;
  readonly pipelines: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly marks: Readonly<Record<"node" | "imports" | "open" | "model" | "step", number>>;
}

/** Slowest first. */
export interface PipelineTimes {
  readonly adapter: string;
  readonly pipelines: readonly { readonly label: string; readonly hostMs: number; readonly deviceMs: number }[];
}

const [name, what] = process.argv.slice(2) as [ColdModel, "step" | "pipelines"];
const { openGpu } = await import("@ds3/tensor");
const { rehearseTraining, train } = await import("@ds3/trainer");
const { gptRun, miniRun } = await import("./training-runs.ts");
const imports = performance.now();
await using gpu = await openGpu();
const open = performance.now();
const run = (name === "gpt.tiny" ? gptRun(gpu)! : miniRun(gpu)) as TrainingRun<unknown>;
const made = performance.now();
const result = what === "step" ? await firstStep(run) : await timePipelines(run);
console.log(JSON.stringify(result));

async function firstStep({ model, batches, ...options }: TrainingRun<unknown>): Promise<FirstStep> {
  const rehearsal = await batches.next();
  await train({ ...options, model, batches, steps: 1, schedule: () => 1e-3, rehearsal });
  const marks = { node, imports, open, model: made, step: performance.now() };
  const { user, system } = process.cpuUsage();
  return { adapter: gpu.adapter.name, pipelines: gpu.stats.pipelines, cpuMs: (user + system) / 1000, marks };
}

async function timePipelines({ model, batches }: TrainingRun<unknown>): Promise<PipelineTimes> {
  const pipelines = [];
  for (const kernel of await kernelsOf(model.gpu, async () =>
    rehearseTraining({ model, batch: await batches.next() }),
  )) {
    const start = performance.now();
    gpu.rehearse(() => dispatchEmpty(gpu, kernel));
    const made = performance.now();
    await gpu.idle();
    pipelines.push({ label: kernel.label, hostMs: made - start, deviceMs: performance.now() - made });
  }
  pipelines.sort((a, b) => b.hostMs + b.deviceMs - a.hostMs - a.deviceMs);
  return { adapter: gpu.adapter.name, pipelines };
}

/** The kernels that `fn` would dispatch; none of them is. */
async function kernelsOf(gpu: Gpu, fn: () => Promise<void>): Promise<Kernel[]> {
  const kernels = new Map<string, Kernel>();
  const dispatch: Gpu["dispatch"] = (kernel) => void kernels.set(kernel.label, kernel);
  Object.defineProperty(gpu, "dispatch", { value: dispatch, configurable: true });
  await fn();
  Reflect.deleteProperty(gpu, "dispatch");
  return [...kernels.values()];
}

function dispatchEmpty(gpu: Gpu, kernel: Kernel): void {
  const operands = Object.fromEntries(kernel.bindings.map(({ name }) => [name, gpu.empty([64])]));
  gpu.dispatch(kernel, operands, Object.fromEntries(kernel.uniforms.map(([uniform]) => [uniform, 0])), [1]);
}
