import { crossEntropy, type Gpu } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { kernelCase } from "./kernel-case.ts";
import { seededIds, seededValues } from "./seeded-values.ts";

/** Rows for each vocabulary: logits of about 30 MB. */
const SHAPES = [
  { V: 6400, T: 1024 },
  { V: 32_768, T: 256 },
];

/** Softmax cross-entropy, forward and backward: reads the logits twice and writes their gradient once. */
export const lossCases: readonly BenchCase[] = SHAPES.map(({ V, T }) =>
  kernelCase({
    name: `cross-entropy.${V}`,
    unit: "GB/s",
    bytes: 3 * 4 * T * V,
    setUp: (gpu) => setUp(gpu, T, V),
  }),
);

function setUp(gpu: Gpu, T: number, V: number): () => () => void {
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
