/** Kernels in all their variants. A new `*.wgsl.ts` file needs a line below. */
import { createRowGroups, type Gpu, type KernelTarget, type Team, type Tensor } from "@ds3/tensor";
import { type KernelSpec, normals, testKernels } from "@ds3/testing";
import { forkFor } from "../test/targets.ts";
import { dequantize } from "./dequantize.ts";
import { dequantizeWgsl } from "./dequantize.wgsl.ts";
import { encodeTensor } from "./encode-tensor.ts";
import { encodeTensorWgsl } from "./encode-tensor.wgsl.ts";
import { fp8GroupedMatmulInto, fp8Matmul } from "./matmul.ts";
import { fp8MatmulPanelWgsl } from "./matmul.wgsl.ts";
import { fp8MatmulTiledWgsl } from "./matmul-tiled.wgsl.ts";
import { packTiles, unpackTiles } from "./pack-tiles.ts";
import { packTilesWgsl } from "./pack-tiles.wgsl.ts";
import { quantize } from "./quantize.ts";
import { quantizeBlocksWgsl, quantizeRowsWgsl } from "./quantize.wgsl.ts";
import { quantizeColumnsWgsl } from "./quantize-columns.wgsl.ts";
import { requantize } from "./requantize.ts";
import { roundToBf16 } from "./round-to-bf16.ts";
import { roundToBf16Wgsl } from "./round-to-bf16.wgsl.ts";
import { encodeScaledWgsl, spreadLargestWgsl } from "./tensor-scaling.wgsl.ts";
import { decodeUe8m0Wgsl, encodeUe8m0Wgsl } from "./ue8m0.wgsl.ts";

const [e4m3fn, e5m2] = ["e4m3fn", "e5m2"] as const;
const formats = ["e4m3fn", "e5m2", "e5m6"] as const;
const kinds = ["f32", "powerOfTwo"] as const;
/** Every format, either kind of scales, with and without vectors; not all of their products. */
const encodings = [
  { format: "e4m3fn", scales: "f32", vectors: true },
  { format: "e5m2", scales: "powerOfTwo", vectors: false },
  { format: "e5m6", scales: "f32", vectors: false },
  { format: "e5m6", scales: "powerOfTwo", vectors: true },
] as const;
const productParams = [
  { layout: "nt", grouped: "none", formatA: e4m3fn, formatB: e4m3fn },
  { layout: "nn", grouped: "none", formatA: e5m2, formatB: e4m3fn },
  { layout: "tn", grouped: "none", formatA: e4m3fn, formatB: e5m2 },
  { layout: "nt", grouped: "rows", formatA: e4m3fn, formatB: e4m3fn },
  { layout: "nn", grouped: "rows", formatA: e4m3fn, formatB: e4m3fn },
  { layout: "tn", grouped: "k", formatA: e4m3fn, formatB: e4m3fn },
] as const;

/** Lanes of kernels in which lanes share nothing. */
const lanesOf = (team: Team): number => Math.min(team.size, 8);

const variants: KernelSpec["variants"] = {
  "dequantize.wgsl.ts": (team) =>
    [
      { format: "e4m3fn", tiling: "row", vectors: true },
      { format: "e5m6", tiling: "row", vectors: false },
      { format: "e5m2", tiling: "column", vectors: true },
      { format: "e4m3fn", tiling: "block", vectors: false },
      { format: "e4m3fn", tiling: "grouped", vectors: true },
      { format: "e5m6", tiling: "none", vectors: true },
      { format: "e5m2", tiling: "bytes", vectors: false },
      { format: "e4m3fn", tiling: "words", vectors: true },
    ].map((params) => dequantizeWgsl({ ...(params as Parameters<typeof dequantizeWgsl>[0]), lanes: lanesOf(team) })),
  "encode-tensor.wgsl.ts": (team) =>
    formats.flatMap((format) =>
      (["saturate", "overflow"] as const).map((overflow) =>
        encodeTensorWgsl({ format, overflow, vectors: format === "e5m2", lanes: lanesOf(team) }),
      ),
    ),
  "matmul-tiled.wgsl.ts": () => [
    ...productParams.map((params) => fp8MatmulTiledWgsl({ ...params, tileM: 32, tileN: 32, tileK: 16, staged: "f32" })),
    // Large tiles in f16, which holds e4m3fn exactly.
    ...[productParams[0], productParams[5]].map((params) =>
      fp8MatmulTiledWgsl({ ...params, tileM: 64, tileN: 64, tileK: 32, staged: "f16" }),
    ),
  ],
  "matmul.wgsl.ts": (team) =>
    productParams.map((params) => {
      const subgroups = team.subgroup && team.size <= 8;
      const vector = params.layout !== "nn";
      return fp8MatmulPanelWgsl({ ...params, lanes: lanesOf(team), subgroups, columnsPerLane: 4, vector });
    }),
  "pack-tiles.wgsl.ts": (team) => kinds.map((scales) => packTilesWgsl({ scales, lanes: lanesOf(team) })),
  "quantize-columns.wgsl.ts": (team) =>
    [
      { ...encodings[0], source: "f32", grouped: false },
      { ...encodings[0], source: "e4m3fn", grouped: true },
      { ...encodings[1], source: "f32", grouped: true },
      { ...encodings[2], source: "e5m2", grouped: false },
      { ...encodings[3], source: "f32", grouped: false },
      { format: "e4m3fn", scales: "powerOfTwo", vectors: true, source: "e5m6", grouped: false } as const,
    ].map((params) =>
      quantizeColumnsWgsl({ ...(params as Parameters<typeof quantizeColumnsWgsl>[0]), ...columnShape(team) }),
    ),
  "quantize.wgsl.ts": (team) =>
    encodings.flatMap((params) => [
      quantizeRowsWgsl({ ...params, team }),
      quantizeBlocksWgsl({ ...params, team: team.size > 8 ? { size: 256, subgroup: false } : team }),
    ]),
  "round-to-bf16.wgsl.ts": (team) => [true, false].map((vectors) => roundToBf16Wgsl({ vectors, lanes: lanesOf(team) })),
  "tensor-scaling.wgsl.ts": (team) => [
    ...[false, true].map((grouped) => spreadLargestWgsl({ team, grouped })),
    ...encodings.map((params) => encodeScaledWgsl({ ...params, lanes: lanesOf(team) })),
  ],
  "ue8m0.wgsl.ts": (team) => [encodeUe8m0Wgsl, decodeUe8m0Wgsl].map((kernel) => kernel({ lanes: lanesOf(team) })),
};

/** As `encodeColumns` chooses them. */
function columnShape(team: Team): { lanes: number; slices: number } {
  return team.size > 8 ? { lanes: 16, slices: 8 } : { lanes: team.size, slices: 1 };
}

testKernels({
  folder: import.meta.dirname,
  variants,
  included: ["codes.wgsl.ts", "tiles.wgsl.ts"],
  numbers: async (gpu, target) => ({ ...(await quantised(gpu, target)), ...(await products(gpu, target)) }),
  tolerance: 1e-5,
});

/** Every quantising op; columns that are whole vectors and columns that are not. */
async function quantised(gpu: Gpu, target: KernelTarget): Promise<Record<string, ArrayLike<number>>> {
  const as = forkFor(gpu, target);
  using _scope = as.scope();
  const [narrow, wide] = [42, 264].map((columns) => as.tensor(normals(150 * columns, columns), [150, columns]));
  const row = quantize(wide!, { tiling: "row", format: "e5m6" });
  const groups = createRowGroups(as.tensor([0, 20, 150], [3], "u32"), 150);
  const matrices = {
    row,
    ragged: quantize(narrow!, { tiling: "row" }),
    block: quantize(narrow!, { tiling: "block" }),
    column: quantize(wide!, { tiling: "column", format: "e5m2" }),
    again: requantize(row, { tiling: "column", groups, scales: "powerOfTwo" }),
  };
  const results = Object.fromEntries(
    Object.entries(matrices).flatMap(([name, matrix]) => [
      [`codes of ${name}`, matrix.codes],
      [`scales of ${name}`, matrix.scales],
      [`values of ${name}`, dequantize(matrix)],
    ]),
  ) as Record<string, Tensor>;
  results.sent = unpackTiles(packTiles(narrow!), 42);
  results.encoded = encodeTensor(narrow!, "e5m2");
  results.rounded = roundToBf16(narrow!);
  const read = Object.entries(results).map(async ([name, tensor]) => [name, Array.from(await tensor.data())] as const);
  return Object.fromEntries(await Promise.all(read));
}

/** Products of every layout, by experts and dense. */
async function products(gpu: Gpu, target: KernelTarget): Promise<Record<string, ArrayLike<number>>> {
  const as = forkFor(gpu, target);
  using _scope = as.scope();
  const given = (shape: number[], seed: number): Tensor => {
    const size = shape.reduce((a, b) => a * b, 1);
    return as.tensor(normals(size, seed), shape);
  };
  const groups = createRowGroups(as.tensor([0, 33, 33, 70], [4], "u32"), 70);
  const [x, dy, weights] = [given([70, 132], 3), given([70, 20], 4), given([3, 20, 132], 5)];
  const y = as.zeros([70, 20]);
  const blocks = quantize(weights, { tiling: "block" });
  fp8GroupedMatmulInto(y, quantize(x, { tiling: "row" }), blocks, groups, { layout: "nt", accumulate: false });
  const dWeights = as.zeros([3, 20, 132]);
  const [dyColumns, xColumns] = [dy, x].map((matrix) => quantize(matrix, { tiling: "column", groups }));
  fp8GroupedMatmulInto(dWeights, dyColumns!, xColumns!, groups, { layout: "tn", accumulate: false });
  const weight = quantize(weights.slice(0, 1).reshape([20, 132]), { tiling: "block" });
  const dx = fp8Matmul(quantize(dy, { tiling: "row" }), weight, { layout: "nn" });
  return { y: await y.data(), dWeights: await dWeights.data(), dx: await dx.data() };
}
