import { type Gpu, openGpu } from "@ds3/tensor";
import { readKernelTable } from "@ds3/trainer";
import { checkFigures } from "./check-figures.ts";
import type { Figure } from "./figure.ts";
import type { BenchOptions } from "./options.ts";
import { benchOwn, ownCases } from "./own-figures.ts";
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
  return openGpu(kernels === undefined ? {} : { kernelTable: await readKernelTable(kernels) });
}

async function* source(options: BenchOptions, listener: Listener): AsyncGenerator<Figure> {
  const { mode, only, steps, steadySteps } = options;
  if (mode === "own") {
    const cases = selectByName(ownCases, only);
    await using gpu = await openBenchGpu(options);
    listener.onNote(gpu.adapter.name);
    yield* benchOwn(gpu, { cases, steps, onNote: listener.onNote });
  } else if (mode === "steady") {
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
