import type { Gpu, Tensor } from "@ds3/tensor";
import type { BenchCase, BenchContext } from "./bench-case.ts";
import type { Figure } from "./figure.ts";
import { type CallCost, measureCalls, type Prepare } from "./measure-calls.ts";
import { ratesOf, type Work } from "./peak-share.ts";

/** What is done, and what of it is the figure's value. */
export interface KernelWork extends Work {
  /** Which of the rates is the figure's value. */
  readonly unit: "GFLOP/s" | "GB/s";
}

/** An op on inputs of fixed shapes. */
export interface KernelCase extends KernelWork {
  readonly name: string;
  /** Uploads the inputs; the result is `measureCalls`' `prepare`. */
  readonly setUp: (gpu: Gpu) => Prepare;
}

/** A figure of one op, the median over windows. */
export function kernelCase({ name, setUp, ...work }: KernelCase): BenchCase {
  const run: BenchCase["run"] = async (context) => {
    using _case = context.gpu.scope(name);
    return kernelFigure(name, work, await measureCalls(context.gpu, setUp(context.gpu)), context);
  };
  return { name, run };
}

/** The figure of calls that cost so much. */
export function kernelFigure(
  name: string,
  { unit, ...work }: KernelWork,
  { seconds, dispatches, submits, peakBytes, liveBuffers }: CallCost,
  { gpu, peak }: BenchContext,
): Figure {
  const rates = ratesOf(work, seconds, peak);
  return {
    name,
    value: (unit === "GFLOP/s" ? rates.gflops : rates.gbps)!,
    unit,
    adapter: gpu.adapter.name,
    ...rates,
    wallSeconds: seconds,
    dispatchesPerStep: dispatches,
    submitsPerStep: submits,
    peakBytes,
    liveBuffers,
    cpuFallbacks: gpu.stats.cpuFallbacks,
  };
}

/** A call of `op` without a tape. */
export function forward(op: () => Tensor): Prepare {
  return () => () => void op();
}

/** A call of the backward of `op` for these inputs, from the gradient `dy`; the forward pass is outside the clock. */
export function backward(gpu: Gpu, inputs: readonly Tensor[], op: () => Tensor, dy: Tensor): Prepare {
  return () => {
    const tape = gpu.tape();
    for (const input of inputs) tape.watch(input);
    const y = op();
    return () => tape.backward(y, dy);
  };
}
