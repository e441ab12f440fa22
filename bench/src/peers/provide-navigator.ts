import { availableParallelism } from "node:os";
import { getDawn } from "@ds3/software-gpu";
import { globals } from "webgpu";

/** Gives this process `navigator` with the number of cores and without WebGPU. Node 20 has no `navigator`. */
export function provideNavigator(gpu?: GPU): void {
  const value = { hardwareConcurrency: availableParallelism(), userAgent: "Node", ...(gpu && { gpu }) };
  Object.defineProperty(globalThis, "navigator", { value, configurable: true, writable: true });
}

/**
 * Puts the Dawn that ds3 itself uses behind `navigator.gpu`, and WebGPU's constants beside it, as in a browser.
 * Returns the name of the adapter that the peers will get.
 */
export async function provideWebGpu(): Promise<string> {
  const gpu = getDawn();
  Object.assign(globalThis, globals);
  provideNavigator(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("there is no WebGPU adapter");
  const { description, device, architecture } = adapter.info;
  return description || device || architecture || "unknown adapter";
}
