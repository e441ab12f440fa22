import { crossEntropy, type Gpu, linearCrossEntropy } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { kernelCase } from "./kernel-case.ts";
import { seededIds, seededValues } from "./seeded-values.ts";

/** Rows for each vocabulary: logits of about 30 MB. */
const SHAPES = [
  { V: 6400, T: 1024 },
  { V: 32_768, T: 256 },
];

/** Tokens and width of the mini preset's step, for the loss with its head: the larger vocabulary goes by in chunks. */
const HEAD = { T: 1024, D: 256 };

/**
 * Forward and backward of softmax cross-entropy, which reads the logits twice and writes their gradient once; and of the
 * head with its loss, which counts three products, the logits' recomputation left out.
 */
export const lossCases: readonly BenchCase[] = [
  ...SHAPES.map(({ V, T }) =>
    kernelCase({
      name: `cross-entropy.${V}`,
      unit: "GB/s",
      bytes: 3 * 4 * T * V,
      setUp: (gpu) => setUpLogits(gpu, T, V),
    }),
  ),
  ...SHAPES.map(({ V }) =>
    kernelCase({
      name: `linear-cross-entropy.${V}`,
      unit: "GFLOP/s",
      flops: 3 * 2 * HEAD.T * HEAD.D * V,
      setUp: (gpu) => setUpHead(gpu, V),
    }),
  ),
];

function setUpHead(gpu: Gpu, V: number): () => () => void {
  const { T, D } = HEAD;
  const [x, weight] = [gpu.tensor(seededValues(T * D), [T, D]), gpu.tensor(seededValues(V * D), [V, D])];
  const targets = seededIds(T, V);
  return () => () => {
    using tape = gpu.tape();
    for (const input of [x, weight]) tape.watch(input);
    tape.backward(linearCrossEntropy(x, weight, targets));
  };
}

function setUpLogits(gpu: Gpu, T: number, V: number): () => () => void {
  const source = gpu.tensor(seededValues(T * V), [T, V]);
  const targets = seededIds(T, V);
  return () => {
    // Backward writes over the logits: each call has its own, and its own tape.
    const logits = gpu.empty([T, V], "f32", "logits");
    gpu.copy(source, logits, 0);
    return () => {
      using tape = gpu.tape();
      tape.watch(logits);
      tape.backward(crossEntropy(logits, targets));
    };
  };
}
