import { fp8GroupedMatmulInto, fp8MatmulInto, type QuantizedMatrix, quantize, type Tiling } from "@ds3/fp8";
import { createRowGroups, type Gpu, groupedMatmul, matmul, type RowGroups, type Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { comparedCase } from "./compared-case.ts";
import { expertLoads, offsetsOf } from "./expert-loads.ts";
import { type LayerSize, layerSizes, weightElements, weightShape } from "./fp8-layers.ts";
import { backward, forward } from "./kernel-case.ts";
import type { Prepare } from "./measure-calls.ts";
import { seededValues } from "./seeded-values.ts";

/** The tensors of a layer: its input, its weight, the gradient of its output. */
interface Layer {
  readonly size: LayerSize;
  readonly x: Tensor;
  readonly w: Tensor;
  readonly dy: Tensor;
  readonly groups: RowGroups | undefined;
}

/** One of a layer's three products: which tensors it reads in which tiles, and what it gives. */
interface Pass {
  readonly name: "forward" | "dgrad" | "wgrad";
  readonly layout: "nt" | "nn" | "tn";
  readonly operands: (layer: Layer) => readonly [a: Tensor, b: Tensor];
  readonly tilings: readonly [a: Tiling, b: Tiling];
  readonly result: (size: LayerSize) => number[];
}

const PASSES: readonly Pass[] = [
  {
    ...{ name: "forward", layout: "nt", tilings: ["row", "block"] },
    operands: ({ x, w }) => [x, w],
    result: ({ tokens, outputs }) => [tokens, outputs],
  },
  {
    ...{ name: "dgrad", layout: "nn", tilings: ["row", "block"] },
    operands: ({ dy, w }) => [dy, w],
    result: ({ tokens, inputs }) => [tokens, inputs],
  },
  { name: "wgrad", layout: "tn", tilings: ["column", "column"], operands: ({ dy, x }) => [dy, x], result: weightShape },
];

/** The three products of a linear layer, of operands that are quantised already, beside those of f32. */
export const fp8ProductCases: readonly BenchCase[] = layerSizes.flatMap((size) =>
  PASSES.map((pass) =>
    comparedCase({
      name: `fp8.${size.experts === undefined ? pass.name : `grouped.${pass.name}`}.${size.name}`,
      unit: "GFLOP/s",
      flops: 2 * size.tokens * size.inputs * size.outputs,
      bytes: size.tokens * (size.inputs + size.outputs) + weightElements(size),
      setUp: (gpu) => fp8Product(createLayer(gpu, size), pass),
      against: { f32: (gpu) => f32Product(createLayer(gpu, size), pass) },
    }),
  ),
);

function createLayer(gpu: Gpu, size: LayerSize): Layer {
  const { tokens, inputs, outputs, experts } = size;
  const matrix = (shape: number[]): Tensor => gpu.tensor(seededValues(shape.reduce((a, b) => a * b)), shape);
  const loads = experts === undefined ? undefined : expertLoads("balanced", tokens, experts);
  return {
    size,
    x: matrix([tokens, inputs]),
    w: matrix(weightShape(size)),
    dy: matrix([tokens, outputs]),
    groups: loads && createRowGroups(gpu.tensor(offsetsOf(loads), [loads.length + 1], "u32"), tokens),
  };
}

function fp8Product(layer: Layer, { layout, operands, tilings, result }: Pass): Prepare {
  const { groups, size, x } = layer;
  const quantized = (tensor: Tensor, tiling: Tiling): QuantizedMatrix =>
    quantize(tensor, { tiling, ...(groups && tiling === "column" ? { groups } : {}) });
  const [a, b] = operands(layer);
  const [codesA, codesB] = [quantized(a, tilings[0]), quantized(b, tilings[1])];
  const options = { layout, accumulate: false };
  return () => () => {
    const c = x.gpu.empty(result(size));
    if (groups) fp8GroupedMatmulInto(c, codesA, codesB, groups, options);
    else fp8MatmulInto(c, codesA, codesB, options);
  };
}

/** Products by experts have no f32 function for each pass: their gradients are those of the tape. */
function f32Product(layer: Layer, { layout, operands }: Pass): Prepare {
  const { groups, x, w, dy } = layer;
  if (!groups) {
    const [a, b] = operands(layer);
    return forward(() => matmul(a, b, { layout }));
  }
  const product = (): Tensor => groupedMatmul(x, w, groups);
  if (layout === "nt") return forward(product);
  return backward(x.gpu, [layout === "nn" ? x : w], product, dy);
}
