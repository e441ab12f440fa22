import type { Kernel } from "@ds3/tensor";
import { expect } from "vitest";

/**
 * Expects every kernel to compile, none passed over for a feature that the device lacks (see `useNullDevice`), and a label
 * to stand for one text: two under one would share a pipeline.
 */
export async function expectCompiling(device: GPUDevice, kernels: readonly Kernel[]): Promise<void> {
  for (const { label, wgsl } of uniqueByLabel(kernels)) {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label, code: wgsl });
    device.createComputePipeline({ label, layout: "auto", compute: { module } });
    expect((await device.popErrorScope())?.message ?? "valid", label).toBe("valid");
  }
}

/** One kernel for each label; expects that those of one label have one text. */
export function uniqueByLabel(kernels: readonly Kernel[]): Kernel[] {
  const byLabel = new Map<string, Kernel>();
  for (const kernel of kernels) {
    const known = byLabel.get(kernel.label);
    if (known) expect(kernel.wgsl, `text of ${kernel.label}`).toBe(known.wgsl);
    byLabel.set(kernel.label, kernel);
  }
  return [...byLabel.values()];
}
