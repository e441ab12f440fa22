import type { Gpu, KernelTarget } from "@ds3/tensor";
import { KERNEL_TARGETS } from "@ds3/testing";

/** Targets whose kernels run on whatever device a test has, by name: its own, and those that need none of its features. */
export const RUNNABLE_TARGETS: readonly (readonly [name: string, of: (gpu: Gpu) => KernelTarget])[] = [
  ["this device", ({ target }) => target],
  ["software without subgroups", () => KERNEL_TARGETS["software without subgroups"]!],
  ["hardware without f16", () => KERNEL_TARGETS["hardware without f16"]!],
];

/** A handle that asks for the kernels of another target. */
export function forkFor(gpu: Gpu, target: KernelTarget): Gpu {
  return Object.defineProperty(gpu.fork(), "target", { value: target });
}
