import type { Tiling } from "@ds3/fp8-codec";
import { createRowGroups } from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { uneven } from "../test/expect-rows.ts";
import { unpackCodes } from "../test/unpack-codes.ts";
import { dequantize } from "./dequantize.ts";
import { roundTilesRef, wholeRef } from "./fp8-linear-tiles.ref.ts";
import { quantizeRef } from "./quantize.ref.ts";
import { quantize } from "./quantize.ts";
import { quantizeWhole, requantizeWhole } from "./tensor-scaling.ts";

const device = useTestGpu();

test.each<[string, Tiling, number[]]>([
  ["row", "row", [13, 130]],
  ["column", "column", [257, 9]],
  ["block", "block", [130, 129]],
  ["block, of experts", "block", [3, 130, 8]],
])("one scale for all: %s", async (_, tiling, shape) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const columns = shape.at(-1)!;
  const values = uneven(
    normals(
      shape.reduce((a, b) => a * b),
      1,
    ),
    columns,
  );
  for (const [format, scales] of [
    ["e4m3fn", "f32"],
    ["e4m3fn", "powerOfTwo"],
    ["e5m6", "powerOfTwo"],
  ] as const) {
    const x = gpu.tensor(values, shape);
    const whole = quantizeWhole(x, { tiling, format, scales });
    const tiles = quantize(x, { tiling, format, scales });
    expect([whole.scales.shape, whole.codes.shape]).toEqual([tiles.scales.shape, tiles.codes.shape]);
    expect(new Set(await whole.scales.data()).size).toBe(1);
    const want = roundTilesRef(values, columns, wholeRef, {
      format,
      powerOfTwo: scales === "powerOfTwo",
    });
    expect(Float64Array.from(await dequantize(whole).data())).toEqual(want);
  }
});

test("experts' columns, made of rows: the same values", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const values = uneven(normals(140 * 12, 2), 12);
  const rows = quantizeWhole(gpu.tensor(values, [140, 12]), { tiling: "row", scales: "powerOfTwo" });
  const groups = createRowGroups(gpu.tensor([0, 3, 140], [3], "u32"), 140);
  const columns = requantizeWhole(rows, { tiling: "column", scales: "powerOfTwo", groups });
  expect(columns.scales.shape).toEqual([3, 12]);
  expect(await columns.codes.data<"u32">()).toEqual(await rows.codes.data<"u32">());
  expect(await dequantize(columns).data()).toEqual(await dequantize(rows).data());
});

test("rows of no expert do not enter the scale", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const values = Float32Array.from(normals(140 * 12, 2));
  const groups = createRowGroups(gpu.tensor([0, 3, 100], [3], "u32"), 140);
  const used = quantizeWhole(gpu.tensor(values.subarray(0, 100 * 12), [100, 12]), { tiling: "row" });
  for (const rest of [1e6, Number.NaN]) {
    const x = gpu.tensor(values.fill(rest, 100 * 12), [140, 12]);
    const columns = quantizeWhole(x, { tiling: "column", groups });
    const [scale] = await used.scales.data();
    expect(new Set(await columns.scales.data())).toEqual(new Set([scale]));
    const codes = (await columns.codes.data<"u32">()).subarray(0, 100 * 3);
    expect(codes).toEqual(await used.codes.data<"u32">());
  }
});

test.each(["f32", "powerOfTwo"] as const)("no rows at all: the scale of zeros, %s", async (scales) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const groups = createRowGroups(gpu.tensor([0, 0, 0], [3], "u32"), 5);
  const matrix = quantizeWhole(gpu.full([5, 4], 3), { tiling: "column", scales, groups });
  const zeros = quantize(gpu.zeros([1, 1]), { tiling: "row", scales });
  expect(new Set(await matrix.scales.data())).toEqual(new Set(await zeros.scales.data()));
});

test("one NaN makes all NaN; what is made on the way is freed", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const values = normals(3 * 200, 3);
  values[450] = Number.NaN;
  const x = gpu.tensor(values, [3, 200]);
  const before = gpu.stats.liveBuffers;
  const whole = quantizeWhole(x, { tiling: "row" });
  expect(gpu.stats.liveBuffers - before).toBe(2);
  expect((await dequantize(whole).data()).every(Number.isNaN)).toBe(true);
  const rounding = { format: "e4m3fn", powerOfTwo: false, floor: 1e-4 } as const;
  const want = quantizeRef(Float32Array.from(values), 200, { ...rounding, ...wholeRef }).codes;
  expect(unpackCodes(await whole.codes.data<"u32">(), 3, 200, "e4m3fn")).toEqual(want);
});
