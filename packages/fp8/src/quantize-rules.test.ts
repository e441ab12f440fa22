/** Error bounds, fixtures and shapes of quantising. */
import { type Fixture, normals, testFixtures, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { bitsOf, expectCodes, floatsOf, readBits } from "../test/bits.ts";
import { dequantize } from "./dequantize.ts";
import { decodeRef } from "./quantize.ref.ts";
import { type QuantizeOptions, quantize } from "./quantize.ts";

const holder = useTestGpu();
const tilings = ["row", "column", "block"] as const;
const formats = ["e4m3fn", "e5m2", "e5m6"] as const;

test.each(formats)(
  "%s: decoded values are within half a step of the format, and codes of them are the codes",
  async (format) => {
    using _scope = holder.gpu.scope("bounds");
    const step = { e4m3fn: 2 ** -3, e5m2: 2 ** -2, e5m6: 2 ** -6 }[format];
    const least = { e4m3fn: 2 ** -6, e5m2: 2 ** -14, e5m6: 2 ** -14 }[format];
    const x = Float32Array.from(normals(40 * 300, 9), (v, i) => v * 10 ** ((i % 11) - 5));
    const options: QuantizeOptions = { tiling: "row", format, scales: "powerOfTwo" };
    const matrix = quantize(holder.gpu.tensor(x, [40, 300]), options);
    const [values, { codes, scales }] = [await dequantize(matrix).data(), await readBits(matrix)];
    for (const [i, v] of x.entries()) {
      const scale = floatsOf(scales)[Math.floor(i / 300) * 3 + ((i % 300) >> 7)]!;
      const exponent = 2 ** Math.floor(Math.log2(Math.abs(v) / scale));
      const bound = (Math.max(exponent, least) * step * scale) / 2;
      expect(Math.abs(values[i]! - v), `${v} -> ${values[i]}`).toBeLessThanOrEqual(bound);
      expect(values[i]).toBe(Math.fround(decodeRef(codes[i]!, format) * scale));
    }
    const again = quantize(holder.gpu.tensor(values, [40, 300]), options);
    expect(await dequantize(again).data()).toEqual(values);
  },
);

testFixtures(
  "fp8",
  "quantises as",
  ({ tensors }) => "q_ue8m0" in tensors,
  async ({ meta, tensor }: Fixture) => {
    const { gpu } = holder;
    using _scope = gpu.scope("fixture");
    const shape = meta.config.shape as number[];
    const tiling = `${meta.config.tile}`.includes("block") ? "block" : "row";
    const x = gpu.tensor(tensor("x").data as Float32Array, shape);
    const f32 = quantize(x, { tiling });
    const plain = await readBits(f32);
    expect(plain.scales).toEqual(bitsOf(tensor("scale").data as Float32Array));
    expectCodes(plain.codes, tensor("q").data as Uint8Array, "f32");
    const rounded = await readBits(quantize(x, { tiling, scales: "powerOfTwo" }));
    expect(rounded.scales).toEqual(bitsOf(tensor("scale_ue8m0").data as Float32Array));
    expectCodes(rounded.codes, tensor("q_ue8m0").data as Uint8Array, "powerOfTwo");
    const scales = f32.scales;
    const stored = gpu.tensor(wordsOf(tensor("q").data as Uint8Array, shape[0]!), f32.codes.shape, "u32");
    expect(await dequantize({ ...f32, codes: stored, scales }).data()).toEqual(tensor("dequantised").data);
  },
);

/** Codes one a byte, as words: rows filled up with 0. */
function wordsOf(codes: Uint8Array, rows: number): Uint32Array {
  const columns = codes.length / rows;
  const padded = new Uint8Array(rows * 4 * Math.ceil(columns / 4));
  for (let row = 0; row < rows; row++) {
    padded.set(codes.subarray(row * columns, (row + 1) * columns), (row * padded.length) / rows);
  }
  return new Uint32Array(padded.buffer);
}

test("leading axes are rows, three are a batch of blocks, empty matrices have no tiles", async () => {
  const { gpu } = holder;
  using _scope = gpu.scope("shapes");
  const x = gpu.tensor(normals(2 * 3 * 130, 4), [2, 3, 130]);
  const shapeOf = (tiling: QuantizeOptions["tiling"]): unknown => {
    const { rows, columns, batch, codes, scales } = quantize(x, { tiling });
    return { rows, columns, batch, codes: codes.shape, scales: scales.shape };
  };
  expect(shapeOf("row")).toEqual({ rows: 6, columns: 130, batch: 1, codes: [6, 33], scales: [6, 2] });
  expect(shapeOf("column")).toEqual({ rows: 6, columns: 130, batch: 1, codes: [6, 33], scales: [1, 130] });
  expect(shapeOf("block")).toEqual({ rows: 3, columns: 130, batch: 2, codes: [6, 33], scales: [2, 1, 2] });
  expect(dequantize(quantize(x, { tiling: "block" })).shape).toEqual([2, 3, 130]);
  for (const tiling of tilings) {
    for (const shape of [
      [0, 5],
      [5, 0],
    ]) {
      expect(await dequantize(quantize(gpu.zeros(shape), { tiling })).data()).toEqual(new Float32Array());
    }
  }
});
