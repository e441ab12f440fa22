import type { Gpu, Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { measureCalls } from "./measure-calls.ts";
import { ratesOf, type Work } from "./peak-share.ts";

/** An op on inputs of fixed shapes. */
export interface KernelCase extends Work {
  readonly name: string;
  /** Which of the rates is the figure's value. */
  readonly unit: "GFLOP/s" | "GB/s";
  /** Uploads the inputs; the result is `measureCalls`' `prepare`. */
  readonly setUp: (gpu: Gpu) => () => () => void;
}

/** A figure of one op, the median over windows. */
export function kernelCase({ name, unit, setUp, ...work }: KernelCase): BenchCase {
  const run: BenchCase["run"] = async ({ gpu, peak }) => {
    using _case = gpu.scope(name);
    const { seconds, dispatches, submits, peakBytes, liveBuffers } = await measureCalls(gpu, setUp(gpu));
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
  };
  return { name, run };
}

/** A call of `op` without a tape. */
export function forward(op: () => Tensor): () => () => void {
  return () => () => void op();
}

/** A call of the backward of `op` for these inputs, from the gradient `dy`; the forward pass is outside the clock. */
export function backward(gpu: Gpu, inputs: readonly Tensor[], op: () => Tensor, dy: Tensor): () => () => void {
  return () => {
    const tape = gpu.tape();
    for (const input of inputs) tape.watch(input);
    const y = op();
    return () => tape.backward(y, dy);
  };
}
