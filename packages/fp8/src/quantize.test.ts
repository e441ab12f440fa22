import { createRowGroups } from "@ds3/tensor";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { unpackCodes } from "../test/unpack-codes.ts";
import { dequantize } from "./dequantize.ts";
import { quantizeRef } from "./quantize.ref.ts";
import { quantize } from "./quantize.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";
import { requantize } from "./requantize.ts";

const holder = useTestGpu();
const formats = ["e4m3fn", "e5m2", "e5m6"] as const;
const scaleKinds = ["f32", "powerOfTwo"] as const;
const every = formats.flatMap((format) => scaleKinds.map((scales) => ({ format, scales })));

/** Normal values whose rows and columns differ in size by orders of magnitude, f32 subnormals and signed zeros among them. */
function spread(rows: number, columns: number): Float32Array {
  return Float32Array.from(normals(rows * columns, rows + columns), (v, i) => {
    if (i % 97 === 13) return i % 2 === 0 ? 0 : -0;
    if (i % 101 === 7) return v * 1e-40;
    return v * 2 ** ((i % 5) - 3 * (Math.floor(i / columns) % 7));
  });
}

const tilesOf = (n: number): number => Math.ceil(n / 128);

async function read({ codes, scales }: QuantizedMatrix): Promise<{ codes: Uint32Array; scales: Uint32Array }> {
  const bits = await scales.data<"f32">();
  return { codes: await codes.data<"u32">(), scales: new Uint32Array(bits.buffer, bits.byteOffset, bits.length) };
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

describe("row tiles", () => {
  const shapes = [
    [1, 1],
    [3, 4],
    [5, 130],
    [2, 264],
    [7, 127],
    [19, 512],
  ] as const;
  test.each(every)("$format, $scales: codes and scales of the definition", async ({ format, scales }) => {
    for (const [rows, columns] of shapes) {
      using _scope = holder.gpu.scope("test");
      const x = spread(rows, columns);
      const got = await read(quantize(holder.gpu.tensor(x, [rows, columns]), { tiling: "row", format, scales }));
      const want = quantizeRef(x, columns, {
        ...{ format, powerOfTwo: scales === "powerOfTwo", floor: 1e-4 },
        ...{ tiles: rows * tilesOf(columns), tileOf: (row, column) => row * tilesOf(columns) + (column >> 7) },
      });
      expect(got.scales, `scales [${rows}, ${columns}]`).toEqual(bitsOf(want.scales));
      expect(unpackCodes(got.codes, rows, columns, format), `codes [${rows}, ${columns}]`).toEqual(want.codes);
    }
  });
});

describe("blocks", () => {
  const shapes = [
    [1, 1, 1],
    [1, 130, 68],
    [1, 257, 130],
    [3, 129, 10],
  ] as const;
  test.each(every)("$format, $scales: codes and scales of the definition", async ({ format, scales }) => {
    for (const [batch, rows, columns] of shapes) {
      using _scope = holder.gpu.scope("test");
      const x = spread(batch * rows, columns);
      const tensor = holder.gpu.tensor(x, batch === 1 ? [rows, columns] : [batch, rows, columns]);
      const got = await read(quantize(tensor, { tiling: "block", format, scales }));
      const tileRow = (row: number): number => Math.floor(row / rows) * tilesOf(rows) + ((row % rows) >> 7);
      const want = quantizeRef(x, columns, {
        ...{ format, powerOfTwo: scales === "powerOfTwo", floor: 1e-4 },
        tiles: batch * tilesOf(rows) * tilesOf(columns),
        tileOf: (row, column) => tileRow(row) * tilesOf(columns) + (column >> 7),
      });
      expect(got.scales, `scales [${batch}, ${rows}, ${columns}]`).toEqual(bitsOf(want.scales));
      expect(unpackCodes(got.codes, batch * rows, columns, format)).toEqual(want.codes);
    }
  });
});

describe("column tiles", () => {
  const shapes = [
    [1, 1],
    [130, 4],
    [257, 37],
    [128, 264],
  ] as const;
  test.each(every)("$format, $scales: codes and scales of the definition", async ({ format, scales }) => {
    for (const [rows, columns] of shapes) {
      using _scope = holder.gpu.scope("test");
      const x = spread(rows, columns);
      const got = await read(quantize(holder.gpu.tensor(x, [rows, columns]), { tiling: "column", format, scales }));
      const want = quantizeRef(x, columns, {
        ...{ format, powerOfTwo: scales === "powerOfTwo", floor: 1e-4 },
        ...{ tiles: tilesOf(rows) * columns, tileOf: (row, column) => (row >> 7) * columns + column },
      });
      expect(got.scales, `scales [${rows}, ${columns}]`).toEqual(bitsOf(want.scales));
      expect(unpackCodes(got.codes, rows, columns, format), `codes [${rows}, ${columns}]`).toEqual(want.codes);
    }
  });

  test("of groups begin anew with each expert", async () => {
    using _scope = holder.gpu.scope("test");
    const [rows, columns] = [700, 12];
    const offsets = [0, 0, 130, 131, 259, 259, 640];
    const E = offsets.length - 1;
    const groups = createRowGroups(holder.gpu.tensor(offsets, [E + 1], "u32"), rows);
    const x = spread(rows, columns);
    const matrix = quantize(holder.gpu.tensor(x, [rows, columns]), { tiling: "column", groups });
    const got = await read(matrix);
    const used = 640;
    const tileRow = (row: number): number => {
      const e = offsets.findLastIndex((begin, i) => i < E && begin <= row);
      return Math.floor(offsets[e]! / 128) + e + Math.floor((row - offsets[e]!) / 128);
    };
    const tiles = (Math.floor(rows / 128) + E) * columns;
    const want = quantizeRef(x.subarray(0, used * columns), columns, {
      ...{ format: "e4m3fn", powerOfTwo: false, floor: 1e-4, tiles },
      tileOf: (row, column) => tileRow(row) * columns + column,
    });
    expect(matrix.scales.shape).toEqual([tiles / columns, columns]);
    expect(got.scales).toEqual(bitsOf(want.scales));
    expect(unpackCodes(got.codes, rows, columns, "e4m3fn").subarray(0, used * columns)).toEqual(want.codes);
    const values = await dequantize(matrix).data();
    const plain = quantize(holder.gpu.tensor(x.subarray(0, 128 * columns), [128, columns]), { tiling: "column" });
    expect(values.subarray(0, 128 * columns)).toEqual(await dequantize(plain).data());
  });

  test.each(formats.flatMap((source) => formats.map((format) => ({ source, format }))))(
    "from row tiles of $source to $format: as through f32",
    async ({ source, format }) => {
      for (const [rows, columns] of [
        [257, 37],
        [130, 264],
      ] as const) {
        using _scope = holder.gpu.scope("test");
        const x = holder.gpu.tensor(spread(rows, columns), [rows, columns]);
        const matrix = quantize(x, { tiling: "row", format: source, scales: "powerOfTwo" });
        const options = { tiling: "column", format, scales: "powerOfTwo" } as const;
        const [got, want] = [requantize(matrix, options), quantize(dequantize(matrix), options)];
        expect(await read(got)).toEqual(await read(want));
      }
    },
  );
});
