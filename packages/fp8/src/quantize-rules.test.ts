/** What quantising defines beyond ordinary numbers: what is not finite, zeros, borders of scales, views, fixtures, errors. */
import { quantize as quantizeOnCpu } from "@ds3/fp8-codec";
import type { Gpu, Tensor } from "@ds3/tensor";
import { createRowGroups } from "@ds3/tensor";
import { type Fixture, normals, testFixtures, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { unpackCodes } from "../test/unpack-codes.ts";
import { dequantize } from "./dequantize.ts";
import { decodeRef } from "./quantize.ref.ts";
import { type QuantizeOptions, quantize } from "./quantize.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";
import { requantize } from "./requantize.ts";

const holder = useTestGpu();
const tilings = ["row", "column", "block"] as const;
const formats = ["e4m3fn", "e5m2", "e5m6"] as const;
const kinds = ["f32", "powerOfTwo"] as const;
const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);
const floatsOf = (bits: ArrayLike<number>): Float32Array => new Float32Array(Uint32Array.from(bits).buffer);

/** Codes one an element, and scales as bits. */
async function host(matrix: QuantizedMatrix): Promise<{ codes: Uint16Array; scales: Uint32Array }> {
  const { codes, scales, batch, rows, columns, format } = matrix;
  const words = await codes.data<"u32">();
  return { codes: unpackCodes(words, batch * rows, columns, format), scales: bitsOf(await scales.data()) };
}

describe.each(formats)("%s: a tile that is not finite", (format) => {
  const [nan, sign] = format === "e5m6" ? [0x7ff, 0x800] : [0x7f, 0x80];
  // NaN and infinity of both signs, among numbers of both signs, zeros, subnormals; as bits, so that NaN survives.
  const special = [0x7fc0_0000, 0xffc0_0001, 0x7f80_0001, 0x7f80_0000, 0xff80_0000, 0x7fff_ffff];
  const others = [0x3f80_0000, 0xbf80_0000, 0, 0x8000_0000, 0x8000_0001, 0xff7f_ffff];
  const expected = [nan, nan | sign, nan, nan, nan | sign, nan, 0, sign, 0, sign, sign, sign];
  const expectedCode = new Map([...special, ...others].map((bits, i) => [bits, expected[i]!] as const));

  test.each(tilings)("%s tiles: scale NaN, codes NaN or signed zeros, other tiles untouched", async (tiling) => {
    const { gpu } = holder;
    const x = Float32Array.from(normals(129 * 140, 5));
    const spoilt = (i: number): boolean => inFirstTile(tiling, Math.floor(i / 140), i % 140);
    // 129 x 140 has several tiles either way; the one at the origin is spoilt by a single element, then by many.
    for (const values of [[0xffc0_0001], [0x7f80_0000], [...special, ...others]]) {
      using _scope = gpu.scope("special");
      const places = values.map((_, i) => (tiling === "column" ? i * 140 : i));
      const clean = await host(quantize(gpu.tensor(x, [129, 140]), { tiling, format }));
      const bits = bitsOf(x).slice();
      for (const [i, value] of values.entries()) bits[places[i]!] = value;
      const matrix = quantize(bitTensor(gpu, bits, [129, 140]), { tiling, format });
      const got = await host(matrix);
      expect(got.scales).toEqual(clean.scales.map((scale, i) => (i === 0 ? 0x7fc0_0000 : scale)));
      const codes = clean.codes.map((code, i) => (spoilt(i) ? (bits[i]! >>> 31) * sign : code));
      for (const [i, value] of values.entries()) codes[places[i]!] = expectedCode.get(value)!;
      expect(got.codes).toEqual(codes);
      const decoded = await dequantize(matrix).data();
      expect(decoded.every((v, i) => Number.isNaN(v) === spoilt(i))).toBe(true);
    }
  });

  test("requantising spreads NaN over the columns of the tile", async () => {
    const { gpu } = holder;
    using _scope = gpu.scope("spread");
    const x = Float32Array.from(normals(130 * 135, 6));
    x[3] = Number.NaN;
    const row = quantize(gpu.tensor(x, [130, 135]), { tiling: "row", format });
    const { scales, codes } = await host(requantize(row, { tiling: "column", format }));
    expect([...scales].map((bits) => bits === 0x7fc0_0000)).toEqual(
      Array.from({ length: 2 * 135 }, (_, i) => i < 128), // the first tile of rows, the columns of the first row tile
    );
    // In row 0 all of the tile is NaN; below it numbers, of which a signed zero is left.
    expect([...codes].filter((code) => code % sign === nan)).toHaveLength(128);
    const below = [...codes].filter((_, i) => i >= 135 && i < 128 * 135 && i % 135 < 128);
    expect(below.every((code) => code === 0 || code === sign)).toBe(true);
  });
});

test("requantising leaves the padding of rows 0 where the last tile is NaN", async () => {
  const { gpu } = holder;
  for (const format of formats) {
    using _scope = gpu.scope("padding");
    const x = Float32Array.from(normals(3 * 133, 7));
    x[132] = Number.NaN;
    const row = quantize(gpu.tensor(x, [3, 133]), { tiling: "row", format });
    const again = requantize(row, { tiling: "column", format });
    const want = quantize(dequantize(row), { tiling: "column", format });
    expect(await again.codes.data<"u32">()).toEqual(await want.codes.data<"u32">());
    const used = (133 - (format === "e5m6" ? 128 : 132)) * (format === "e5m6" ? 12 : 8);
    const words = await again.codes.data<"u32">();
    const last = words.subarray(words.length / 3 - Math.ceil(used / 32), words.length / 3);
    expect(last.at(-1)! >>> (used % 32), "bits behind the last code").toBe(0);
  }
});

/** A tensor of these bits: uploads as numbers may quieten NaN. */
function bitTensor(gpu: Gpu, bits: Uint32Array, shape: readonly number[]): Tensor {
  const words = gpu.tensor(bits, [bits.length], "u32");
  const tensor = gpu.empty(shape, "f32");
  gpu.copy(words, tensor, 0);
  return tensor;
}

function inFirstTile(tiling: (typeof tilings)[number], row: number, column: number): boolean {
  const first = { row: row === 0 && column < 128, column: row < 128 && column === 0, block: row < 128 && column < 128 };
  return first[tiling];
}

describe.each(formats)("%s: scales", (format) => {
  const { max, odd } = { e4m3fn: { max: 448, odd: 7 }, e5m2: { max: 57344, odd: 7 }, e5m6: { max: 65024, odd: 127 } }[
    format
  ];

  test.each(tilings)("%s tiles of zeros have floor / MAX, and zeros with their signs", async (tiling) => {
    using _scope = holder.gpu.scope("zeros");
    const x = Float32Array.from({ length: 130 * 130 }, (_, i) => (i % 3 === 0 ? -0 : 0));
    const { codes, scales } = await host(quantize(holder.gpu.tensor(x, [130, 130]), { tiling, format }));
    const scale = Math.fround(Math.fround(1e-4) / max);
    expect(new Set(scales)).toEqual(new Set(bitsOf(Float32Array.of(scale))));
    expect([...codes]).toEqual([...x].map((v) => (Object.is(v, -0) ? (format === "e5m6" ? 0x800 : 0x80) : 0)));
  });

  test.each(kinds)("%s: correctly rounded for every exponent and at the borders of powers of two", async (scales) => {
    using _scope = holder.gpu.scope("borders");
    const floor = 2 ** -100;
    const tops: number[] = [];
    for (let exponent = -99; exponent < 128; exponent++) {
      for (const significand of [1, odd / 2 ** Math.floor(Math.log2(odd)), 1.1, 1.3333333, 1.9999999]) {
        const [bits] = bitsOf(Float32Array.of(significand * 2 ** exponent));
        tops.push(...floatsOf([bits! - 1, bits!, bits! + 1]));
      }
    }
    const x = Float32Array.from(tops.filter(Number.isFinite));
    const matrix = quantize(holder.gpu.tensor(x, [x.length, 1]), { tiling: "row", format, scales, floor });
    const want = Float32Array.from(x, (amax) => {
      const scale = Math.fround(Math.max(amax, floor) / max);
      return scales === "f32" ? scale : roundedUp(scale);
    });
    expect((await host(matrix)).scales).toEqual(bitsOf(want));
    // Tiles of one element: the largest code, with f32 scales exactly.
    if (scales === "f32") {
      const largest = Array.from({ length: 4096 }, (_, code) => code).find((code) => decodeRef(code, format) === max)!;
      const { codes } = await host(matrix);
      expect([...codes].filter((code, i) => x[i]! >= floor && code !== largest)).toEqual([]);
    }
  });

  test("any floor whose scale is a normal number, no other", () => {
    using _scope = holder.gpu.scope("floors");
    const x = holder.gpu.zeros([1, 1]);
    const least = 2 ** -126 * max;
    expect(() => quantize(x, { tiling: "row", format, floor: least })).not.toThrow();
    const message = `quantize: floor: expected at least ${least}, so that floor / ${max} is a normal f32, got `;
    for (const floor of [least / 2, 0, -1, Number.NaN, 1e39]) {
      expect(() => quantize(x, { tiling: "row", format, floor })).toThrow(`${message}${floor}.`);
    }
  });
});

/** The least power of two that is at least x. */
function roundedUp(x: number): number {
  const power = 2 ** Math.floor(Math.log2(x));
  return [power / 2, power, 2 * power].find((candidate) => candidate >= x)!;
}

test.each(formats)(
  "%s: decoded values are within half a step of the format, and codes of them are the codes",
  async (format) => {
    using _scope = holder.gpu.scope("bounds");
    const step = { e4m3fn: 2 ** -3, e5m2: 2 ** -2, e5m6: 2 ** -6 }[format];
    const least = { e4m3fn: 2 ** -6, e5m2: 2 ** -14, e5m6: 2 ** -14 }[format];
    const x = Float32Array.from(normals(40 * 300, 9), (v, i) => v * 10 ** ((i % 11) - 5));
    const options: QuantizeOptions = { tiling: "row", format, scales: "powerOfTwo" };
    const matrix = quantize(holder.gpu.tensor(x, [40, 300]), options);
    const [values, { codes, scales }] = [await dequantize(matrix).data(), await host(matrix)];
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

test("as the codec on the CPU, for every tiling, on views that start inside a buffer; no buffer is left", async () => {
  const { gpu } = holder;
  const before = gpu.stats.liveBuffers;
  for (const [columns, rows] of [
    [135, 131],
    [136, 258],
  ] as const) {
    using _scope = gpu.scope("views");
    const x = Float32Array.from(normals((rows + 3) * columns, 8));
    const view = gpu.tensor(x, [rows + 3, columns]).slice(1, rows + 1);
    const part = x.slice(columns, (rows + 1) * columns);
    for (const tiling of tilings) {
      for (const [format, scales] of formats.flatMap((f) => kinds.map((k) => [f, k] as const))) {
        const matrix = quantize(view, { tiling, format, scales });
        const want = quantizeOnCpu(part, [rows, columns], { tiling, format, scales });
        const got = await host(matrix);
        expect(got.scales).toEqual(bitsOf(want.scales));
        expectCodes(got.codes, want.codes, scales);
        expect(matrix.codes.shape[0]).toBe(rows);
      }
    }
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});

/** Equal; behind a quotient that is rounded by the device 99.8 %, the others neighbours. */
function expectCodes(got: ArrayLike<number>, want: ArrayLike<number>, scales: (typeof kinds)[number]): void {
  const distances = Array.from(got, (code, i) => Math.abs(code - want[i]!));
  expect(got.length).toBe(want.length);
  expect(distances.filter((d) => d > (scales === "f32" ? 1 : 0))).toEqual([]);
  expect(distances.filter((d) => d > 0).length).toBeLessThanOrEqual(0.002 * got.length);
}

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
    const plain = await host(f32);
    expect(plain.scales).toEqual(bitsOf(tensor("scale").data as Float32Array));
    expectCodes(plain.codes, tensor("q").data as Uint8Array, "f32");
    const rounded = await host(quantize(x, { tiling, scales: "powerOfTwo" }));
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

test("refuses what it cannot tile", () => {
  const { gpu } = holder;
  using _scope = gpu.scope("errors");
  const x = gpu.zeros([4, 4]);
  expect(() => quantize(gpu.zeros([4], "i32"), { tiling: "row" })).toThrow("quantize: x: expected f32, got [4] i32.");
  expect(() => quantize(gpu.zeros([]), { tiling: "row" })).toThrow(
    "quantize: x: expected at least one axis, got [] f32.",
  );
  const groups = createRowGroups(gpu.tensor([0, 3], [2], "u32"), 3);
  expect(() => quantize(x, { tiling: "column", groups })).toThrow(
    "quantize: groups: expected groups of 4 rows, got 3 rows.",
  );
  expect(() => quantize(x, { tiling: "row", groups })).toThrow(
    "quantize: groups: expected column tiles: tiles of rows and blocks reach into no other group, got row tiles.",
  );
  expect(() => requantize(quantize(x, { tiling: "block" }), { tiling: "column" })).toThrow(
    "requantize: tiling: expected row tiles, and column tiles asked for, got block tiles, and column tiles asked for. Use quantize(dequantize(matrix), options) for other tilings.",
  );
});
