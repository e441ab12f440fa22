import { Arena, adamwStep, createMoments, type Gpu } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { kernelCase } from "./kernel-case.ts";
import { seededValues } from "./seeded-values.ts";

/** About as many as the mini preset has. */
const PARAMETERS = 2 ** 23;

/** AdamW with f32 moments: reads value, gradient and both moments, writes all but the gradient. */
export const optimizerCases: readonly BenchCase[] = [
  kernelCase({ name: "adamw", unit: "GB/s", bytes: 7 * 4 * PARAMETERS, setUp }),
];

function setUp(gpu: Gpu): () => () => void {
  const { segments } = new Arena(gpu, [{ name: "parameters", shape: [PARAMETERS], decay: true }]);
  const segment = segments[0]!;
  gpu.write(segment.gradients, seededValues(PARAMETERS));
  const moments = createMoments(segment, "f32");
  // Norm, clip factor, non-finite flag, loss, as `gradientNorm` leaves them.
  const stats = gpu.tensor([1, 1, 0, 0]);
  const options = { learningRate: 1e-3, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1 };
  let step = 0;
  return () => () => {
    step += 1;
    adamwStep(segment, moments, stats, { ...options, step });
  };
}
