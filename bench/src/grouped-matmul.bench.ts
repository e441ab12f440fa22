import { createRowGroups, type Gpu, groupedMatmul, type Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { expertLoads, type LoadKind, offsetsOf } from "./expert-loads.ts";
import { backward, forward, kernelCase } from "./kernel-case.ts";
import { seededValues } from "./seeded-values.ts";

/** The mini preset's experts: 1024 tokens, two experts each, the fused gate and up projection 256 -> 2 x 128. */
const SHAPE = { R: 2048, E: 8, I: 256, O: 256 };
const LOADS: readonly LoadKind[] = ["balanced", "skewed"];

type SetUp = (gpu: Gpu, x: Tensor, weights: Tensor, product: () => Tensor) => () => () => void;

/** By layout: forward, gradient of the input (dgrad), gradient of the weights (wgrad). */
const PASSES: Readonly<Record<"nt" | "nn" | "tn", SetUp>> = {
  nt: (_gpu, _x, _weights, product) => forward(product),
  nn: (gpu, x, _weights, product) => backward(gpu, [x], product, outputGradient(gpu)),
  tn: (gpu, _x, weights, product) => backward(gpu, [weights], product, outputGradient(gpu)),
};

/** One linear layer an expert, on rows sorted by expert. */
export const groupedMatmulCases: readonly BenchCase[] = Object.entries(PASSES).flatMap(([layout, pass]) =>
  LOADS.map((loads) =>
    kernelCase({
      name: `matmul.grouped.${layout}.${loads}`,
      unit: "GFLOP/s",
      flops: 2 * SHAPE.R * SHAPE.I * SHAPE.O,
      bytes: 4 * (SHAPE.R * (SHAPE.I + SHAPE.O) + SHAPE.E * SHAPE.I * SHAPE.O),
      setUp: (gpu) => setUp(gpu, loads, pass),
    }),
  ),
);

function setUp(gpu: Gpu, loads: LoadKind, pass: SetUp): () => () => void {
  const { R, E, I, O } = SHAPE;
  const offsets = gpu.tensor(offsetsOf(expertLoads(loads, R, E)), [E + 1], "u32");
  const groups = createRowGroups(offsets, R);
  const x = gpu.tensor(seededValues(R * I), [R, I]);
  const weights = gpu.tensor(seededValues(E * O * I), [E, O, I]);
  return pass(gpu, x, weights, () => groupedMatmul(x, weights, groups));
}

function outputGradient(gpu: Gpu): Tensor {
  return gpu.tensor(seededValues(SHAPE.R * SHAPE.O), [SHAPE.R, SHAPE.O]);
}
