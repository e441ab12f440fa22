import type { Backend } from "./backend.ts";

/** The browser's own WebGPU. */
export const backend: Backend = {
  installHint: "Use a browser with WebGPU switched on, over https or localhost.",
  async requestAdapter(options) {
    const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
    return (await gpu?.requestAdapter(options)) ?? undefined;
  },
  memoryBytes: undefined,
  // Browsers resolve GPU promises by themselves.
  wait: (promise) => promise,
};
