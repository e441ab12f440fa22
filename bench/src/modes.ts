import { type Gpu, openGpu } from "@ds3/tensor";
import { readKernelTable } from "@ds3/trainer";
import { checkFigures } from "./check-figures.ts";
import { cpuSuites } from "./cpu/suite-list.ts";
import type { Figure } from "./figure.ts";
import type { BenchOptions } from "./options.ts";
import { benchOwn, ownCases } from "./own-figures.ts";
import { prepareGpu } from "./prepare-gpu.ts";
import { benchScale } from "./scale/bench-scale.ts";
import { selectByName } from "./select-by-name.ts";
import { benchSteady } from "./steady.ts";

/** Who hears of what is not a figure. */
export interface Listener {
  /** A line for people. */
  readonly onNote: (line: string) => void;
  /** A promise that does not hold: the command fails. */
  readonly onProblem: (line: string) => void;
}

/** The figures that a command line asks for, each as soon as it is measured. */
export async function* benchFigures(options: BenchOptions, listener: Listener): AsyncGenerator<Figure> {
  yield* checkFigures(source(options, listener), listener.onProblem);
}

/** The device of `own` and `profile`: with the table of kernels that the command line names, or the built-in choice. */
export async function openBenchGpu({ kernels }: Pick<BenchOptions, "kernels">): Promise<Gpu> {
  await prepareGpu();
  return openGpu(kernels === undefined ? {} : { kernelTable: await readKernelTable(kernels) });
}

async function* source(options: BenchOptions, listener: Listener): AsyncGenerator<Figure> {
  const { mode, megabytes, text } = options;
  if (mode === "own") {
    yield* own(options, listener);
  } else if (mode === "tokenizerTraining") {
    const { benchTraining } = await import("./cpu/bench-training.ts");
    yield* benchTraining({ ...(text === undefined ? {} : { text }), ...listener });
  } else if (mode === "dataMemory") {
    const { benchMemory } = await import("./cpu/bench-memory.ts");
    yield* benchMemory({ bytes: megabytes * 1e6, ...listener });
  } else {
    await prepareGpu();
    yield* onGpu(options, listener);
  }
}

/** Figures without a GPU first: where no others are wanted, none is opened. */
async function* own(options: BenchOptions, { onNote }: Listener): AsyncGenerator<Figure> {
  const { only, steps } = options;
  const withoutGpu = cpuSuites.flatMap(({ figures }) => figures).map((name) => ({ name }));
  const names = new Set(selectByName([...withoutGpu, ...ownCases], only).map(({ name }) => name));
  if (withoutGpu.some(({ name }) => names.has(name))) {
    const { benchCpu } = await import("./cpu/bench-cpu.ts");
    yield* benchCpu({ names, onNote });
  }
  const cases = ownCases.filter(({ name }) => names.has(name));
  if (cases.length === 0) return;
  await using gpu = await openBenchGpu(options);
  onNote(gpu.adapter.name);
  yield* benchOwn(gpu, { cases, steps, onNote });
}

async function* onGpu(options: BenchOptions, listener: Listener): AsyncGenerator<Figure> {
  const { mode, only, steadySteps } = options;
  if (mode === "steady") {
    yield* benchSteady({ steps: steadySteps, ...listener });
  } else if (mode === "scale") {
    yield* benchScale({ only, ...(options.plot === undefined ? {} : { plot: options.plot }), ...listener });
  } else if (mode === "cold") {
    const { benchCold } = await import("./cold.bench.ts");
    yield* benchCold({ only });
  } else if (mode === "peers") {
    // The peers are large: loaded when they are asked for.
    const { benchPeers } = await import("./peers/index.ts");
    yield* benchPeers({ only, onNote: listener.onNote });
  }
}
