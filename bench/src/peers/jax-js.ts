/*
 * jax-js as its users run it: the default device is set once, products are jitted, training is two jitted functions
 * (jax-js-gpt.ts). Node lacks three things that it expects of a browser, and gets them: WebGPU (Dawn), the helper methods
 * of iterators, and `Worker` for `wasm-threads`.
 */
import { blockUntilReady, defaultDevice, init, jit, numpy as np } from "@jax-js/jax";
import { seededValues } from "../seeded-values.ts";
import type { Contender, ContenderName, MatmulLayout, Products } from "./contender.ts";
import { createJaxGpt } from "./jax-js-gpt.ts";
import { libraryVersion } from "./library-version.ts";

/** Opens jax-js: on the WebGPU adapter of that name, or on WebAssembly. The process is prepared (open-contender.ts). */
export async function openJax(backend: ContenderName["backend"], gpuName: string | undefined): Promise<Contender> {
  const device = gpuName === undefined ? "wasm" : "webgpu";
  const devices = await init(device);
  if (!devices.includes(device)) throw new Error(`jax-js offers only ${devices.join(", ")}`);
  defaultDevice(device);
  return {
    adapter: gpuName ?? `WebAssembly SIMD, ${threadsOf(backend)}`,
    note: `${libraryVersion("jax-js")}, jit${backend === "wasm-threads" ? ", a stand-in for Worker" : ""}`,
    choosesPace: gpuName !== undefined,
    matmul: async (layout, size) => createProducts(layout, size),
    gpt: async (folder) => createJaxGpt(folder),
  };
}

function threadsOf(backend: ContenderName["backend"]): string {
  return backend === "wasm-threads" ? "a thread for each core" : "one thread";
}

/** A transposed operand is a view that jit folds into the kernel. */
function createProducts(layout: MatmulLayout, size: number): Products {
  const values = seededValues(size * size);
  const [a, b] = [values, values].map((data) => np.array(data).reshape([size, size])) as [np.Array, np.Array];
  const product = jit((x: np.Array, y: np.Array) =>
    np.matmul(layout === "tn" ? np.transpose(x) : x, layout === "nt" ? np.transpose(y) : y),
  );
  return {
    run: async (count) => {
      const results = Array.from({ length: count }, () => product(a.ref, b.ref));
      await blockUntilReady(results);
      for (const result of results) result.dispose();
    },
    firstRow: async () => (await product(a.ref, b.ref).data()).subarray(0, size) as Float32Array,
    dispose: () => {
      for (const owned of [a, b, product]) owned.dispose();
    },
  };
}
