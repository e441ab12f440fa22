/**
 * Pins what runs without a kernel table. A run that is resumed with other kernels goes on with other sums, so a change
 * here must raise DEFAULT_KERNELS_VERSION in the same commit: saved runs notice by that number alone.
 */
import { KERNEL_TARGETS } from "@ds3/testing";
import { expect, test } from "vitest";
import { flashVariantsFor } from "./flash-attention-plan.ts";
import { DEFAULT_KERNELS_VERSION } from "./kernel-table.ts";
import { defaultVariant, type MatmulRequest } from "./matmul-variants.ts";

const f32 = { layout: "nt", grouped: "none", batch: 1, dtypeA: "f32", dtypeB: "f32" } as const;
const products: Readonly<Record<string, MatmulRequest>> = {
  "one row": { ...f32, M: 1, N: 512, K: 256 },
  small: { ...f32, M: 64, N: 64, K: 64 },
  "just below 2^25 flops": { ...f32, M: 255, N: 256, K: 256 },
  "2^25 flops": { ...f32, M: 256, N: 256, K: 256 },
  large: { ...f32, M: 4096, N: 4096, K: 4096 },
  "8 columns": { ...f32, M: 1024, N: 8, K: 256 },
  "96 columns": { ...f32, M: 1024, N: 96, K: 256 },
  "groups, few rows": { ...f32, grouped: "rows", M: 256, N: 64, K: 64, groups: 8 },
  "groups of rows": { ...f32, grouped: "rows", M: 2048, N: 128, K: 256, groups: 8 },
  "groups of k": { ...f32, layout: "tn", grouped: "k", M: 256, N: 256, K: 2048, groups: 8 },
  "f16 x f16": { ...f32, M: 1024, N: 512, K: 256, dtypeA: "f16", dtypeB: "f16" },
  "f32 x bf16": { ...f32, M: 1024, N: 512, K: 256, dtypeB: "bf16" },
};
const heads = [
  [48, 32],
  [96, 64],
  [192, 128],
  [256, 256],
] as const;

const panels = {
  "one row": "matvec",
  small: "panel-8x64",
  "just below 2^25 flops": "panel-8x64",
  "2^25 flops": "panel-8x128",
  large: "panel-8x128",
  "8 columns": "panel-1x128",
  "96 columns": "panel-4x128",
  "groups, few rows": "panel-8x64",
  "groups of rows": "panel-8x128",
  "groups of k": "panel-8x128",
  "f16 x f16": "panel-8x128",
  "f32 x bf16": "panel-8x128",
};
const tiles = {
  ...{ "one row": "matvec", small: "tiled-32x32x16", "just below 2^25 flops": "tiled-32x32x16" },
  ...{ "2^25 flops": "tiled-32x32x16", "8 columns": "tiled-32x32x16", "96 columns": "tiled-32x32x16" },
  "groups, few rows": "tiled-32x32x16",
};
const matrices = {
  ...tiles,
  large: "subgroup-matrix-f32-64x64x8",
  "groups of rows": "subgroup-matrix-f32-64x64x8",
  "groups of k": "subgroup-matrix-f32-64x64x8",
  "f16 x f16": "subgroup-matrix-f16-64x64x16",
  "f32 x bf16": "subgroup-matrix-f32-64x64x8",
};
const plain = {
  ...tiles,
  large: "tiled-128x128x8",
  "groups of rows": "tiled-128x128x8",
  "groups of k": "tiled-64x64x16",
  "f16 x f16": "tiled-64x64x16",
  "f32 x bf16": "tiled-64x64x16",
};
const rows = {
  "48/32": "rows-8 rows-8 rows-8",
  "96/64": "rows-8 rows-4 rows-4",
  "192/128": "rows-4 rows-2 rows-2",
  "256/256": "rows-2 portable portable",
};
const portable = Object.fromEntries(heads.map((dims) => [dims.join("/"), "portable portable portable"]));

test("the version of these defaults", () => {
  expect(DEFAULT_KERNELS_VERSION).toBe(2);
});

test.each([
  { name: "software 8", products: panels, attention: rows },
  { name: "software without subgroups", products: panels, attention: portable },
  { name: "hardware 32", products: matrices, attention: portable },
  { name: "hardware without f16", products: plain, attention: portable },
])("$name", ({ name, ...expected }) => {
  const target = KERNEL_TARGETS[name]!;
  const chosen = Object.entries(products).map(([kind, request]) => [kind, defaultVariant(target, request)?.id]);
  expect(Object.fromEntries(chosen)).toEqual(expected.products);
  const attention = heads.map(([headDimQk, headDimV]) => {
    const shape = { B: 4, T: 256, S: 256, N: 8, headDimQk, headDimV, scale: 1, keyOffset: 0, documents: false };
    const ops = ["flash-forward", "flash-query-grad", "flash-key-grad"] as const;
    return [`${headDimQk}/${headDimV}`, ops.map((op) => flashVariantsFor(target, op, shape)[0]).join(" ")];
  });
  expect(Object.fromEntries(attention)).toEqual(expected.attention);
});
