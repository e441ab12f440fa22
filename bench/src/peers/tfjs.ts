/*
 * TensorFlow.js as its users run it: kernels of the backend's own package, `tf.tidy` around everything. The WebGPU backend
 * collects up to 15 kernels a submit; products are submitted one by one, so that the GPU starts with the first. Operands
 * are transposed before the product: `matMul` with its own flags is up to 10 times slower on wasm, 1.5 times on WebGPU.
 * The wasm backend uses SIMD; it keeps threads off in Node by itself.
 */
import * as tf from "@tensorflow/tfjs-core";
import { seededValues } from "../seeded-values.ts";
import type { Contender, MatmulLayout, Products } from "./contender.ts";
import { libraryVersion } from "./library-version.ts";
import { createTfjsGpt } from "./tfjs-gpt.ts";

const BATCH_SIZE_FLAG = "WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE";

/** Opens TensorFlow.js: on the WebGPU adapter of that name, behind `navigator.gpu`, or on WebAssembly. */
export async function openTfjs(gpuName: string | undefined): Promise<Contender> {
  const onGpu = gpuName !== undefined;
  const backend = onGpu ? "webgpu" : "wasm";
  // Core has no gradients by itself: this package registers them.
  await import("@tensorflow/tfjs-layers");
  await (onGpu ? import("@tensorflow/tfjs-backend-webgpu") : import("@tensorflow/tfjs-backend-wasm"));
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no backend ${backend} here`);
  if (!onGpu && !(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT"))) throw new Error("WebAssembly has no SIMD here");
  const kernelsPerSubmit = (count: number): void => {
    if (onGpu) tf.env().set(BATCH_SIZE_FLAG, count);
  };
  return {
    adapter: gpuName ?? "WebAssembly SIMD, one thread",
    note: `${libraryVersion("tfjs")}, eager, tidy`,
    choosesPace: onGpu,
    matmul: async (layout, size) => {
      kernelsPerSubmit(1);
      return createProducts(layout, size);
    },
    gpt: async (folder) => {
      kernelsPerSubmit(15);
      return createTfjsGpt(folder, onGpu);
    },
  };
}

function createProducts(layout: MatmulLayout, size: number): Products {
  const values = seededValues(size * size);
  const [a, b] = [tf.tensor2d(values, [size, size]), tf.tensor2d(values, [size, size])];
  const product = (): tf.Tensor2D =>
    tf.tidy(() => tf.matMul(layout === "tn" ? tf.transpose(a) : a, layout === "nt" ? tf.transpose(b) : b));
  const read = async (tensor: tf.Tensor): Promise<ArrayLike<number>> => {
    const values = await tensor.data();
    tensor.dispose();
    return values;
  };
  return {
    run: async (count) => {
      for (let i = 1; i < count; i++) product().dispose();
      // The queue works in order: one element of the last product proves that all are done.
      await read(tf.tidy(() => tf.slice(product(), [0, 0], [1, 1])));
    },
    firstRow: () => read(tf.tidy(() => tf.slice(product(), [0, 0], [1, size]))),
    dispose: () => tf.dispose([a, b]),
  };
}
