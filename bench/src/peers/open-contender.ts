import type { Contender, ContenderName } from "./contender.ts";
import { provideIteratorHelpers } from "./iterator-helpers.ts";
import { provideNavigator, provideWebGpu } from "./provide-navigator.ts";
import { provideWebWorker } from "./web-worker.ts";

/**
 * Loads and opens a library; once in a process, which is then the library's. The peers look for what a browser offers
 * while they are loaded, so that is put in place before.
 */
export async function openContender({ peer, backend }: ContenderName): Promise<Contender> {
  if (peer === "ds3") return await (await import("./ds3.ts")).openDs3();
  const gpuName = backend === "webgpu" ? await provideWebGpu() : undefined;
  if (peer === "tfjs") return await (await import("./tfjs.ts")).openTfjs(gpuName);
  if (gpuName === undefined) provideNavigator();
  if (backend === "wasm-threads") provideWebWorker();
  provideIteratorHelpers();
  return await (await import("./jax-js.ts")).openJax(backend, gpuName);
}
