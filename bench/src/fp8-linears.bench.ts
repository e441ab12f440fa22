import { fp8Linears } from "@ds3/fp8";
import {
  Arena,
  createRowGroups,
  fillNormal,
  type Gpu,
  groupedMatmul,
  halfGroupedLinear,
  halfLinear,
  matmul,
  type RowGroups,
  swiglu,
  type Tensor,
} from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { comparedCase } from "./compared-case.ts";
import { expertLoads, offsetsOf } from "./expert-loads.ts";
import { type LayerSize, layerSizes, weightElements, weightShape } from "./fp8-layers.ts";
import type { Prepare } from "./measure-calls.ts";

/** A linear layer; `groups` where there are experts. */
type Layer = (x: Tensor, weight: Tensor, groups: RowGroups | undefined) => Tensor;

const fp8 = fp8Linears();
const half = { dense: halfLinear("bf16"), grouped: halfGroupedLinear("bf16") };

const LINEAR: Readonly<Record<"fp8" | "f32" | "bf16", Layer>> = {
  fp8: (x, w, groups) => (groups ? fp8.groupedLinear(x, w, groups) : fp8.linear(x, w)),
  f32: (x, w, groups) => (groups ? groupedMatmul(x, w, groups) : matmul(x, w, { layout: "nt" })),
  bf16: (x, w, groups) => (groups ? half.grouped(x, w, groups) : half.dense(x, w)),
};
const GATED: typeof LINEAR = {
  fp8: (z, w, groups) => (groups ? fp8.groupedGatedLinear(z, w, groups) : fp8.gatedLinear(z, w)),
  f32: (z, w, groups) => LINEAR.f32(swiglu(z), w, groups),
  bf16: (z, w, groups) => LINEAR.bf16(swiglu(z), w, groups),
};

/** Whole layers, forward and backward with all roundings, beside the same layers in f32 and bf16. */
export const fp8LinearCases: readonly BenchCase[] = [
  ...layerSizes.map((size) => layerCase("linear", size, LINEAR, 1)),
  ...layerSizes.map((size) => layerCase("gated-linear", size, GATED, 2)),
];

/** `width`: columns of the layer's input for each input of its weight. */
function layerCase(name: string, size: LayerSize, { fp8, ...against }: typeof LINEAR, width: number): BenchCase {
  const { tokens, inputs, outputs, experts } = size;
  const setUp =
    (layer: Layer) =>
    (gpu: Gpu): Prepare =>
      train(gpu, size, layer, width);
  return comparedCase({
    name: `fp8.${experts === undefined ? "" : "grouped."}${name}.${size.name}`,
    unit: "GFLOP/s",
    flops: 6 * tokens * inputs * outputs,
    bytes: 4 * (tokens * (2 * width * inputs + 2 * outputs) + 2 * weightElements(size)),
    setUp: setUp(fp8),
    against: Object.fromEntries(Object.entries(against).map(([precision, layer]) => [precision, setUp(layer)])),
  });
}

function train(gpu: Gpu, size: LayerSize, layer: Layer, width: number): Prepare {
  const { tokens, inputs, outputs, experts } = size;
  const weight = new Arena(gpu, [{ name: "weight", shape: weightShape(size), decay: true }]).get("weight");
  const [x, dy] = [gpu.empty([tokens, width * inputs]), gpu.empty([tokens, outputs])];
  for (const [stream, tensor] of [weight, x, dy].entries()) fillNormal(tensor, 1, { seed: 1, stream });
  const offsets = experts === undefined ? undefined : offsetsOf(expertLoads("balanced", tokens, experts));
  const groups = offsets && createRowGroups(gpu.tensor(offsets, [offsets.length], "u32"), tokens);
  return () => () => {
    using tape = gpu.tape();
    tape.watch(x);
    tape.backward(layer(x, weight, groups), dy);
  };
}
