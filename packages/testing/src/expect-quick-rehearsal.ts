import type { Gpu, Kernel } from "@ds3/tensor";
import { expect } from "vitest";

/** Far more than one workgroup without work takes, far less than a loop around all 32-bit numbers. */
const MOST_MILLISECONDS = 1000;
/** Every operand: so many zero words. */
const WORDS = 64;

/**
 * Expects kernels to end at once when all uniforms and operands are zero, as `gpu.rehearse` runs them: a loop that steps by
 * a uniform would never end. Kernels that the device has no features for are left out.
 */
export async function expectQuickRehearsal(gpu: Gpu, kernels: readonly Kernel[]): Promise<void> {
  const usable = kernels.filter(({ features }) => features.every((feature) => gpu.device.features.has(feature)));
  expect(usable).not.toHaveLength(0);
  for (const kernel of new Set(usable)) {
    using _scope = gpu.scope("rehearsal");
    const run = (): void => {
      const operands = Object.fromEntries(kernel.bindings.map(({ name }) => [name, gpu.zeros([WORDS])]));
      gpu.dispatch(kernel, operands, Object.fromEntries(kernel.uniforms.map(([name]) => [name, 0])), [1]);
    };
    gpu.rehearse(run);
    await gpu.idle();
    // Compiled by now: what is left is the kernel's own time.
    const start = performance.now();
    run();
    await gpu.idle();
    expect(performance.now() - start, kernel.label).toBeLessThan(MOST_MILLISECONDS);
  }
}
