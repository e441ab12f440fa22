import { type Gpu, rmsNorm, type Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { backward, forward, kernelCase } from "./kernel-case.ts";
import { seededValues } from "./seeded-values.ts";

/** Rows of the mini preset's width, four steps' worth: enough that a call is milliseconds. */
const [T, D] = [4096, 256];
const ROWS_BYTES = 4 * T * D;

/** RMSNorm: forward reads x and writes y; backward, input and weight, reads x and dy and writes dx. */
export const normCases: readonly BenchCase[] = [
  kernelCase({
    name: "rms-norm.forward",
    unit: "GB/s",
    bytes: 2 * ROWS_BYTES,
    setUp: (gpu) => {
      const { op } = normOf(gpu);
      return forward(op);
    },
  }),
  kernelCase({
    name: "rms-norm.backward",
    unit: "GB/s",
    bytes: 3 * ROWS_BYTES,
    setUp: (gpu) => {
      const { inputs, op } = normOf(gpu);
      return backward(gpu, inputs, op, gpu.tensor(seededValues(T * D), [T, D]));
    },
  }),
];

function normOf(gpu: Gpu): { inputs: readonly Tensor[]; op: () => Tensor } {
  const [x, weight] = [gpu.tensor(seededValues(T * D), [T, D]), gpu.full([D], 1)];
  return { inputs: [x, weight], op: () => rmsNorm(x, weight, { eps: 1e-6 }) };
}
