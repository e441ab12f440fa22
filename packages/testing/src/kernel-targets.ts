import type { KernelTarget } from "@ds3/tensor";

/**
 * One target of each kind that kernels are written for, by name: software adapters with AVX2, with SSE and without
 * subgroups; hardware as desktop GPUs report themselves, with subgroups of 32 and of 64 and matrix units; hardware that
 * offers nothing but what WebGPU guarantees. The first one gives the snapshots of kernels' texts.
 */
export const KERNEL_TARGETS: Readonly<Record<string, KernelTarget>> = {
  "software 8": { software: true, subgroupSize: 8, f16: true },
  "software 4": { software: true, subgroupSize: 4, f16: true },
  "software without subgroups": { software: true, subgroupSize: 0 },
  "hardware 32": {
    ...{ software: false, subgroupSize: 32, f16: true },
    subgroupMatrix: [
      { M: 16, N: 16, K: 16, component: "f16", result: "f32" },
      { M: 8, N: 8, K: 8, component: "f32", result: "f32" },
    ],
  },
  "hardware 64": {
    ...{ software: false, subgroupSize: 64, f16: true },
    subgroupMatrix: [{ M: 8, N: 8, K: 8, component: "f16", result: "f32" }],
  },
  "hardware without f16": { software: false, subgroupSize: 0 },
};
