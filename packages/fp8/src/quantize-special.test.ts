/**
 * What quantising defines beyond ordinary numbers, by the kernels for every kind of adapter: what is not finite, zeros,
 * f32 subnormals, borders of scales and of matrices. Codes and scales are compared as bits.
 */
import { dequantize as dequantizeOnCpu, LEAST_FLOOR, quantize as quantizeOnCpu } from "@ds3/fp8-codec";
import type { Gpu } from "@ds3/tensor";
import { normals, uniforms, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { bitsOf, bitTensor, expectCodes, floatsOf, readBits } from "../test/bits.ts";
import { forkFor, RUNNABLE_TARGETS } from "../test/targets.ts";
import { dequantize } from "./dequantize.ts";
import { decodeRef } from "./quantize.ref.ts";
import { quantize } from "./quantize.ts";
import { requantize } from "./requantize.ts";
import { quantizeWhole } from "./tensor-scaling.ts";

const holder = useTestGpu();
const tilings = ["row", "column", "block"] as const;
const formats = ["e4m3fn", "e5m2", "e5m6"] as const;
const kinds = ["f32", "powerOfTwo"] as const;

describe.each(RUNNABLE_TARGETS)("kernels for %s", (_, targetOf) => {
  const open = (): Gpu => forkFor(holder.gpu, targetOf(holder.gpu));

  describe.each(formats)("%s: a tile that is not finite", (format) => {
    const [nan, sign] = format === "e5m6" ? [0x7ff, 0x800] : [0x7f, 0x80];
    // NaN and infinity of both signs, among numbers of both signs, zeros, subnormals; as bits, so that NaN survives.
    const special = [0x7fc0_0000, 0xffc0_0001, 0x7f80_0001, 0x7f80_0000, 0xff80_0000, 0x7fff_ffff];
    const others = [0x3f80_0000, 0xbf80_0000, 0, 0x8000_0000, 0x8000_0001, 0xff7f_ffff];
    const expected = [nan, nan | sign, nan, nan, nan | sign, nan, 0, sign, 0, sign, sign, sign];
    const expectedCode = new Map([...special, ...others].map((bits, i) => [bits, expected[i]!] as const));

    test.each(tilings)("%s tiles: scale NaN, codes NaN or signed zeros, other tiles untouched", async (tiling) => {
      const gpu = open();
      const x = Float32Array.from(normals(129 * 140, 5));
      const spoilt = (i: number): boolean => inFirstTile(tiling, Math.floor(i / 140), i % 140);
      // 129 x 140 has several tiles either way; the one at the origin is spoilt by a single element, then by many.
      for (const values of [[0xffc0_0001], [0x7f80_0000], [...special, ...others]]) {
        using _scope = gpu.scope("special");
        const places = values.map((_, i) => (tiling === "column" ? i * 140 : i));
        const clean = await readBits(quantize(gpu.tensor(x, [129, 140]), { tiling, format }));
        const bits = bitsOf(x).slice();
        for (const [i, value] of values.entries()) bits[places[i]!] = value;
        const matrix = quantize(bitTensor(gpu, bits, [129, 140]), { tiling, format });
        const got = await readBits(matrix);
        expect(got.scales).toEqual(clean.scales.map((scale, i) => (i === 0 ? 0x7fc0_0000 : scale)));
        const codes = clean.codes.map((code, i) => (spoilt(i) ? (bits[i]! >>> 31) * sign : code));
        for (const [i, value] of values.entries()) codes[places[i]!] = expectedCode.get(value)!;
        expect(got.codes).toEqual(codes);
        const decoded = await dequantize(matrix).data();
        expect(decoded.every((v, i) => Number.isNaN(v) === spoilt(i))).toBe(true);
      }
    });

    test("requantising spreads NaN over the columns of the tile, and leaves the padding of rows 0", async () => {
      const gpu = open();
      using _scope = gpu.scope("spread");
      const x = Float32Array.from(normals(130 * 135, 6));
      x[3] = Number.NaN;
      x[2 * 135 - 1] = Number.NaN; // in the last tile of row 1, which is narrow
      const row = quantize(gpu.tensor(x, [130, 135]), { tiling: "row", format });
      const again = requantize(row, { tiling: "column", format });
      const { scales, codes } = await readBits(again);
      expect([...scales].map((bits) => bits === 0x7fc0_0000)).toEqual(
        Array.from({ length: 2 * 135 }, (_, i) => i < 135), // the first tile of rows, the columns of both row tiles
      );
      // In row 0 all of the first tile is NaN, in row 1 all of the last; elsewhere numbers, of which a signed zero is left.
      expect([...codes].filter((code) => code % sign === nan)).toHaveLength(128 + 7);
      const below = [...codes].filter((_, i) => i >= 2 * 135 && i < 128 * 135);
      expect(below.every((code) => code === 0 || code === sign)).toBe(true);
      const used = (135 % (format === "e5m6" ? 8 : 4)) * (format === "e5m6" ? 12 : 8);
      const words = await again.codes.data<"u32">();
      const ends = Array.from({ length: 130 }, (_, i) => words[(words.length / 130) * (i + 1) - 1]! >>> (used % 32));
      expect(ends, "bits behind the last code").toEqual(ends.map(() => 0));
    });

    test("under one scale for all: all NaN", async () => {
      const gpu = open();
      using _scope = gpu.scope("whole");
      const bits = bitsOf(Float32Array.from(normals(3 * 200, 3))).slice();
      for (const [i, value] of [...special, ...others].entries()) bits[i] = value;
      const { codes, scales } = await readBits(
        quantizeWhole(bitTensor(gpu, bits, [3, 200]), { tiling: "row", format }),
      );
      expect(new Set(scales)).toEqual(new Set([0x7fc0_0000]));
      expect([...codes]).toEqual(Array.from(bits, (b) => expectedCode.get(b) ?? (b >>> 31) * sign));
    });
  });

  describe.each(formats)("%s: scales", (format) => {
    const max = { e4m3fn: 448, e5m2: 57344, e5m6: 65024 }[format];
    const odd = format === "e5m6" ? 127 : 7;

    test.each(tilings)("%s tiles of zeros have floor / MAX, and zeros with their signs", async (tiling) => {
      const gpu = open();
      using _scope = gpu.scope("zeros");
      const x = Float32Array.from({ length: 130 * 130 }, (_, i) => (i % 3 === 0 ? -0 : 0));
      const { codes, scales } = await readBits(quantize(gpu.tensor(x, [130, 130]), { tiling, format }));
      const scale = Math.fround(Math.fround(1e-4) / max);
      expect(new Set(scales)).toEqual(new Set(bitsOf(Float32Array.of(scale))));
      expect([...codes]).toEqual([...x].map((v) => (Object.is(v, -0) ? (format === "e5m6" ? 0x800 : 0x80) : 0)));
    });

    test.each(kinds)("%s: correctly rounded for every exponent and at the borders of powers of two", async (scales) => {
      const gpu = open();
      using _scope = gpu.scope("borders");
      const floor = 2 ** -100;
      const tops: number[] = [];
      for (let exponent = -99; exponent < 128; exponent++) {
        for (const significand of [1, odd / 2 ** Math.floor(Math.log2(odd)), 1.1, 1.3333333, 1.9999999]) {
          const [bits] = bitsOf(Float32Array.of(significand * 2 ** exponent));
          tops.push(...floatsOf([bits! - 1, bits!, bits! + 1]));
        }
      }
      const x = Float32Array.from(tops.filter(Number.isFinite));
      const got = await readBits(quantize(gpu.tensor(x, [x.length, 1]), { tiling: "row", format, scales, floor }));
      const want = Float32Array.from(x, (amax) => {
        const scale = Math.fround(Math.max(amax, floor) / max);
        return scales === "f32" ? scale : roundedUp(scale);
      });
      expect(got.scales).toEqual(bitsOf(want));
      // Tiles of one element: the largest code, with f32 scales exactly.
      if (scales === "powerOfTwo") return;
      const largest = Array.from({ length: 4096 }, (_, code) => code).find((code) => decodeRef(code, format) === max)!;
      expect([...got.codes].filter((code, i) => x[i]! >= floor && code !== largest)).toEqual([]);
    });
  });

  test.each(tilings)("%s tiles at the least floor: f32 subnormals are signed zeros, as on the CPU", async (tiling) => {
    const gpu = open();
    const uniform = uniforms(4);
    // The first tile is at the floor, the others reach above it.
    const exponent = (i: number): number => (i < 124 ? 111 + (i % 34) : 100 + (i % 45));
    const tiny = Array.from({ length: 260 }, (_, i) => (1 + uniform()) * 2 ** -exponent(i) * (i % 2 ? -1 : 1));
    const x = Float32Array.of(1e-38, -1e-38, 5e-39, 2e-38, ...tiny);
    const [rows, columns] = tiling === "column" ? [x.length, 1] : [1, x.length];
    for (const [format, scales] of formats.flatMap((f) => kinds.map((k) => [f, k] as const))) {
      using _scope = gpu.scope("tiny");
      const options = { format, scales, floor: LEAST_FLOOR };
      const tensor = gpu.tensor(x, [rows, columns]);
      const got = await readBits(quantize(tensor, { tiling, ...options }));
      const want = quantizeOnCpu(x, [rows, columns], { tiling, ...options });
      expect(got.scales, `${format}, ${scales}`).toEqual(bitsOf(want.scales));
      expectCodes(got.codes, want.codes, scales, `${format}, ${scales}`);
      const sign = format === "e5m6" ? 0x800 : 0x80;
      expect([...got.codes.subarray(0, 3)], `${format}, ${scales}`).toEqual([0, sign, 0]);
      expect(got.codes[3], `${format}, ${scales}: the least of them that is normal`).toBeGreaterThan(0);
      if (tiling !== "row" || scales === "f32") continue;
      // The values of the smallest codes are subnormal themselves.
      const again = await readBits(
        requantize(quantize(tensor, { tiling, ...options }), { tiling: "column", ...options }),
      );
      const wantAgain = quantizeOnCpu(dequantizeOnCpu(want), [rows, columns], { tiling: "column", ...options });
      expect(again.scales).toEqual(bitsOf(wantAgain.scales));
      expect([...again.codes]).toEqual([...wantAgain.codes]);
    }
  });

  test("as the codec on the CPU at ragged borders, on views that start inside a buffer; no buffer is left", async () => {
    const gpu = open();
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
          const got = await readBits(matrix);
          expect(got.scales).toEqual(bitsOf(want.scales));
          expectCodes(got.codes, want.codes, scales);
          expect(matrix.codes.shape[0]).toBe(rows);
        }
      }
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });
});

function inFirstTile(tiling: (typeof tilings)[number], row: number, column: number): boolean {
  const first = { row: row === 0 && column < 128, column: row < 128 && column === 0, block: row < 128 && column < 128 };
  return first[tiling];
}

/** The least power of two that is at least x. */
function roundedUp(x: number): number {
  const power = 2 ** Math.floor(Math.log2(x));
  return [power / 2, power, 2 * power].find((candidate) => candidate >= x)!;
}
