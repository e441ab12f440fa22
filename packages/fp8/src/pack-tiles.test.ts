import { normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { dequantize } from "./dequantize.ts";
import { packedWords, packTiles, unpackTiles } from "./pack-tiles.ts";
import { quantize } from "./quantize.ts";

const holder = useTestGpu();
const variants = (["e4m3fn", "e5m2", "e5m6"] as const).flatMap((format) =>
  (["powerOfTwo", "f32"] as const).map((scales) => ({ format, scales })),
);

test.each(variants)("$format, $scales: unpacked rows are the quantised ones, bit for bit", async (packed) => {
  const { gpu } = holder;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope("pack");
    for (const [rows, columns] of [
      [3, 5],
      [5, 650],
      [2, 516],
    ] as const) {
      const values = Float32Array.from(normals(rows * columns, columns), (v, i) => v * 2 ** ((i >> 7) % 9));
      values[columns + 1] = Number.NaN;
      values[2] = Number.NEGATIVE_INFINITY;
      const x = gpu.tensor(values, [rows, columns]);
      const buffer = packTiles(x, packed);
      expect(buffer.shape).toEqual([rows, packedWords(columns, packed)]);
      const want = await dequantize(quantize(x, { tiling: "row", ...packed })).data();
      expect(Number.isNaN(want[columns + 4]!)).toBe(true);
      expect(await unpackTiles(buffer, columns, packed).data()).toEqual(want);
      // Rows are independent of each other: a part of the buffer is a buffer.
      const last = unpackTiles(buffer.slice(rows - 1, rows), columns, packed);
      expect(await last.data()).toEqual(want.slice((rows - 1) * columns));
    }
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("a row is its codes, then its scales: four UE8M0 bytes a word, or f32", async () => {
  const { gpu } = holder;
  using _scope = gpu.scope("layout");
  const values = Float32Array.from({ length: 640 }, (_, i) => 2 ** (i >> 7));
  const x = gpu.tensor(values, [1, 640]);
  const bytes = await packTiles(x).data<"u32">();
  // 2^t / 448, rounded up: 2^(t - 8); its byte is t - 8 + 127. The code of 256 is 0x78.
  expect([...bytes]).toEqual([...Array<number>(160).fill(0x7878_7878), 0x7a79_7877, 0x7b]);
  const words = await packTiles(x, { scales: "f32" }).data<"u32">();
  const scales = Float32Array.from({ length: 5 }, (_, t) => 2 ** t / 448);
  expect([...words]).toEqual([...Array<number>(160).fill(0x7e7e_7e7e), ...new Uint32Array(scales.buffer)]);
});
