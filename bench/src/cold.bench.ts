/*
 * What a first step costs. Each figure comes from a process of its own: with empty caches of the driver, then with those
 * that it left, then each pipeline by itself with empty ones again. Dawn keeps no cache of its own in Node.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ColdModel, FirstStep, PipelineTimes } from "./cold-child.ts";
import type { Figure } from "./figure.ts";
import { peersFolder } from "./gpt.ts";

/** The child loads sources as this process does. */
const HOOKS = join(import.meta.dirname, "../../scripts/source-hooks.mjs");
const CHILD = join(import.meta.dirname, "cold-child.ts");
/** A child compiles for half a minute at most on two quiet cores. */
const TIMEOUT_MS = 600_000;

/** First steps with cold and warm caches, and their pipelines, slowest first; figures whose name contains `only`. */
export async function* benchCold({ only = "" }: { readonly only?: string } = {}): AsyncGenerator<Figure> {
  const models: readonly ColdModel[] = peersFolder() === undefined ? ["deepseek.mini"] : ["gpt.tiny", "deepseek.mini"];
  const named = models.filter((model) => model.includes(only) || only.includes(model));
  for (const model of named.length > 0 ? named : models) {
    const isSteps = only.includes("firstStep");
    for await (const figure of figuresOf(model, isSteps)) if (figure.name.includes(only)) yield figure;
  }
}

/** `isSteps`: the steps alone, without a process for the pipelines. */
async function* figuresOf(model: ColdModel, isSteps: boolean): AsyncGenerator<Figure> {
  const cold = await withEmptyCache(async (run) => {
    const [first, second] = [await run<FirstStep>(model, "step"), await run<FirstStep>(model, "step")];
    return { cold: first, warm: second };
  });
  for (const [state, step] of Object.entries(cold)) yield* stepFigures(`${state}.${model}`, step);
  if (isSteps) return;
  const { adapter, pipelines } = await withEmptyCache((run) => run<PipelineTimes>(model, "pipelines"));
  yield { name: `cold.${model}.pipelines`, value: cold.cold.pipelines, unit: "count", adapter };
  for (const { label, hostMs, deviceMs } of pipelines) {
    const note = `${hostMs.toFixed(1)} ms on the host to make it, the rest in its first dispatch`;
    yield { name: `cold.${model}.pipeline.${label}`, value: hostMs + deviceMs, unit: "ms", adapter, note };
  }
}

function* stepFigures(name: string, { adapter, marks, pipelines, cpuMs }: FirstStep): Generator<Figure> {
  const { node, imports, open, model, step } = marks;
  const spans = { node, imports: imports - node, open: open - imports, model: model - open, step: step - model };
  const note = Object.entries(spans)
    .map(([what, ms]) => `${what} ${ms.toFixed(0)}`)
    .join(", ");
  const parts = `${note}; ${cpuMs.toFixed(0)} of CPU time`;
  yield {
    name: `${name}.firstStep`,
    value: step,
    unit: "ms",
    adapter,
    pipelines,
    note: `from process start: ${parts}`,
  };
  yield { name: `${name}.firstStep.fromOpenGpu`, value: step - imports, unit: "ms", adapter };
}

/** Runs children with a folder of their own for what drivers keep. */
async function withEmptyCache<T>(
  fn: (run: <R>(model: ColdModel, what: "step" | "pipelines") => Promise<R>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "ds3-cold-"));
  // Mesa's, NVIDIA's.
  const env = { ...process.env, MESA_SHADER_CACHE_DIR: folder, __GL_SHADER_DISK_CACHE_PATH: folder };
  try {
    return await fn(async (model, what) => {
      const args = ["--import", HOOKS, CHILD, model, what];
      const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: TIMEOUT_MS });
      return JSON.parse(stdout);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
