import { type Gpu, type OpenGpuOptions, openGpu } from "@ds3/tensor";
import { afterAll, beforeAll } from "vitest";

/**
 * A device for a test file, opened before and closed after its tests. The environment chooses the configuration:
 * `DS3_SUBGROUPS=off` runs without subgroups, `DS3_LIMITS=default` with WebGPU's default limits.
 * Read `.gpu` inside tests only.
 */
export function useTestGpu(): { readonly gpu: Gpu } {
  const holder: { gpu?: Gpu } = {};
  beforeAll(async () => {
    holder.gpu = await openGpu(testGpuOptions());
  });
  afterAll(async () => {
    await holder.gpu?.close();
  });
  return holder as { readonly gpu: Gpu };
}

/** The options that the environment asks tests to open devices with. */
export function testGpuOptions(): OpenGpuOptions {
  return {
    ...(process.env.DS3_SUBGROUPS === "off" ? { subgroups: false } : {}),
    ...(process.env.DS3_LIMITS === "default" ? { limits: "default" as const } : {}),
  };
}
