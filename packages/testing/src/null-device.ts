import { getDawn } from "@ds3/software-gpu";
import { afterAll, beforeAll } from "vitest";

/** All that kernels enable. Matrices of subgroups appear only with Dawn's `allow_unsafe_apis`. */
const FEATURES: readonly string[] = ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"];

/**
 * A device of Dawn's null backend for the tests of the current suite: it needs no GPU, has every feature that kernels
 * enable, and validates shaders and pipelines; it runs nothing.
 */
export function useNullDevice(): { readonly device: GPUDevice } {
  let device: GPUDevice | undefined;
  beforeAll(async () => {
    const adapter = await getDawn(["backend=null", "enable-dawn-features=allow_unsafe_apis"]).requestAdapter();
    if (!adapter) throw new Error("Dawn's null backend has no adapter");
    device = await adapter.requestDevice({ requiredFeatures: FEATURES as GPUFeatureName[] });
  });
  afterAll(() => device?.destroy());
  return {
    get device() {
      if (!device) throw new Error("The device exists only inside tests");
      return device;
    },
  };
}
