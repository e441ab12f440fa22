import { ConfigError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { normals } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { bitsOf, expectSame, floatsOf } from "../test/bits.ts";
import {
  type CodeFormat,
  dequantize,
  dequantizeBlocks,
  encodeFp8,
  type MatrixShape,
  type QuantizeOptions,
  quantize,
  quantizeBlocks,
  type Tiling,
} from "./index.ts";

const FORMATS: readonly CodeFormat[] = ["e4m3fn", "e5m2", "e5m6"];
const TILINGS: readonly Tiling[] = ["row", "column", "block"];
const MAX = { e4m3fn: 448, e5m2: 57344, e5m6: 65024 } as const;
const FRACTION = { e4m3fn: 3, e5m2: 2, e5m6: 6 } as const;
const SUBNORMAL = { e4m3fn: 2 ** -9, e5m2: 2 ** -16, e5m6: 2 ** -20 } as const;
const SHAPES: readonly MatrixShape[] = [
  [1, 1],
  [3, 127],
  [129, 5],
  [7, 128],
  [130, 260],
];

const random = ([rows, columns]: MatrixShape, seed: number): Float32Array => {
  const sizes = normals(rows, seed + 1000);
  return Float32Array.from(normals(rows * columns, seed), (x, i) => x * 10 ** sizes[Math.floor(i / columns)]!);
};

/** The elements of an element's tile, from the definition. */
function tileOf(i: number, [rows, columns]: MatrixShape, tiling: Tiling): number[] {
  const [row, column] = [Math.floor(i / columns), i % columns];
  const [high, wide] = { row: [1, 128], column: [128, 1], block: [128, 128] }[tiling] as [number, number];
  const [top, left] = [row - (row % high), column - (column % wide)];
  const found: number[] = [];
  for (let r = top; r < Math.min(top + high, rows); r++) {
    for (let c = left; c < Math.min(left + wide, columns); c++) found.push(r * columns + c);
  }
  return found;
}

describe.each(TILINGS)("tiles by %s", (tiling) => {
  test.each(FORMATS)("%s: |dequantised - x| is at most half an ulp of the code, times the scale", (format) => {
    for (const shape of SHAPES) {
      const x = random(shape, 1);
      for (const scales of ["f32", "powerOfTwo"] as const) {
        const y = dequantize(quantize(x, shape, { tiling, format, scales }));
        for (let i = 0; i < x.length; i += 1 + Math.floor(x.length / 60)) {
          const amax = Math.max(1e-4, ...tileOf(i, shape, tiling).map((at) => Math.abs(x[at]!)));
          const plain = Math.fround(amax / MAX[format]);
          const scale = scales === "f32" ? plain : 2 ** Math.ceil(Math.log2(plain));
          const bound = Math.max(Math.abs(x[i]!) * 2 ** -(FRACTION[format] + 1), (scale * SUBNORMAL[format]) / 2);
          expect(Math.abs(y[i]! - x[i]!)).toBeLessThanOrEqual(bound * (1 + 2 ** -20)); // quotient and product round too
        }
      }
    }
  });

  test("shapes of the scales", () => {
    const shape = [130, 260] as const;
    const { codes, scales } = quantize(random(shape, 2), shape, { tiling });
    expect(codes.length).toBe(130 * 260);
    expect(scales.length).toBe({ row: 130 * 3, column: 2 * 260, block: 2 * 3 }[tiling]);
  });

  test("borders are as padded with zeros", () => {
    const [shape, padded] = [[130, 200] as const, [256, 256] as const];
    const x = random(shape, 3);
    const whole = new Float32Array(256 * 256);
    for (let row = 0; row < 130; row++) whole.set(x.subarray(row * 200, (row + 1) * 200), row * 256);
    const expected = dequantize(quantize(whole, padded, { tiling }));
    const y = dequantize(quantize(x, shape, { tiling }));
    for (let row = 0; row < 130; row++) {
      expectSame(y.subarray(row * 200, (row + 1) * 200), expected.subarray(row * 256, row * 256 + 200));
    }
  });

  test.each(FORMATS)("%s: all zeros: the floor's scale, zeros with their sign", (format) => {
    const zeros = Float32Array.of(0, -0, 1e-45, -1e-45, 1.1754942e-38, -0);
    const { codes, scales } = quantize(zeros, [2, 3], { tiling, format });
    const minus = format === "e5m6" ? 0x800 : 0x80;
    expectSame(codes, [0, minus, 0, minus, 0, minus]);
    const floor = Math.fround(Math.fround(1e-4) / MAX[format]);
    expectSame(
      scales,
      Array.from(scales, () => floor),
    );
    const powers = quantize(zeros, [2, 3], { tiling, format, scales: "powerOfTwo" });
    expectSame(
      powers.scales,
      Array.from(scales, () => 2 ** Math.ceil(Math.log2(floor))),
    );
  });

  test.each(FORMATS)("%s: NaN and infinity make their tile NaN, on bits, and no other", (format) => {
    const nan = format === "e5m6" ? 0x7ff : 0x7f;
    const minus = format === "e5m6" ? 0x800 : 0x80;
    for (const scales of ["f32", "powerOfTwo"] as const) {
      for (const bad of [0x7fc00000, 0xffc00001, 0x7f800001, 0x7f800000, 0xff800000]) {
        const shape = [129, 129] as const;
        const x = random(shape, 4);
        bitsOf(x)[129 * 2 + 1] = bad;
        const clean = quantize(
          x.map((value) => (Number.isFinite(value) ? value : 0)),
          shape,
          { tiling, format, scales },
        );
        const quantized = quantize(x, shape, { tiling, format, scales });
        const tile = new Set(tileOf(129 * 2 + 1, shape, tiling));
        const expected = clean.codes.map((code, i) => (tile.has(i) ? code & minus : code));
        expected[129 * 2 + 1] = nan | (bad >= 0x80000000 ? minus : 0);
        expectSame(quantized.codes, expected);
        expect([...bitsOf(quantized.scales)].filter((word) => word === 0x7fc00000).length).toBe(1);
        const values = dequantize(quantized);
        expect(values.every((value, i) => Number.isNaN(value) === tile.has(i))).toBe(true);
      }
    }
  });
});

describe("quantise(dequantise(q)) = q", () => {
  const again = (q: ReturnType<typeof quantize>, options: QuantizeOptions) =>
    quantize(dequantize(q), [q.rows, q.columns], options);

  test.each(FORMATS)("%s with f32 scales: always, codes and scales", (format) => {
    for (const tiling of TILINGS) {
      for (const division of ["divide", "reciprocal"] as const) {
        for (const shape of SHAPES) {
          const options = { tiling, format, division };
          const q = quantize(random(shape, 5), shape, options);
          const q2 = again(q, options);
          expectSame(bitsOf(q2.scales), bitsOf(q.scales));
          expectSame(q2.codes, q.codes);
        }
      }
    }
  });

  // max is 7 times a power of two in e5m2 as in e4m3fn, 127 times one in e5m6
  test.each(["e4m3fn", "e5m6"] as const)(
    "%s with f32 scales: for every significand that the largest element may have",
    (format) => {
      const part = 2 ** 20;
      for (let start = 0; start < 2 ** 23; start += part) {
        const x = new Float32Array(part);
        bitsOf(x).forEach((_, i, words) => {
          words[i] = 0x3f800000 + start + i;
        });
        const q = quantize(x, [1, part], { tiling: "column", format });
        const q2 = again(q, { tiling: "column", format });
        const differing = q.scales.findIndex((scale, i) => scale !== q2.scales[i] || q.codes[i] !== q2.codes[i]);
        expect(differing).toBe(-1);
      }
    },
  );

  test.each(FORMATS)("%s with f32 scales at the floor", (format) => {
    const x = Float32Array.of(1e-4, 9.99e-5, -5e-5, 1e-6, 1e-9, 0);
    for (const floor of [1e-4, 0.000123, 3e-20, 2 ** -110]) {
      const options = { tiling: "row", format, floor } as const;
      const q = quantize(
        x.map((value) => value * floor * 1e4),
        [1, x.length],
        options,
      );
      expectSame(again(q, options).codes, q.codes);
      expectSame(again(q, options).scales, q.scales);
    }
  });

  test.each(FORMATS)("%s with power-of-two scales: values always", (format) => {
    for (const tiling of TILINGS) {
      const options = { tiling, format, scales: "powerOfTwo" } as const;
      for (const shape of SHAPES) {
        const q = quantize(random(shape, 6), shape, options);
        expectSame(dequantize(again(q, options)), dequantize(q));
      }
    }
  });

  test.each(FORMATS)("%s with power-of-two scales: codes but where the largest is half of max: scale / 2", (format) => {
    const half = { e4m3fn: 0x76, e5m2: 0x77, e5m6: 0x77f }[format];
    const options = { tiling: "row", format, scales: "powerOfTwo" } as const;
    const rows = 4000;
    const floor = 2 ** Math.ceil(Math.log2(1e-4 / MAX[format]));
    const q = quantize(random([rows, 1], 7), [rows, 1], options);
    const q2 = again(q, options);
    let halved = 0;
    q.codes.forEach((code, i) => {
      const isHalf = (code & (format === "e5m6" ? 0x7ff : 0x7f)) === half && q.scales[i]! > floor;
      halved += Number(isHalf);
      expect(q2.scales[i]).toBe(isHalf ? q.scales[i]! / 2 : q.scales[i]);
      expect(q2.codes[i]).toBe(isHalf ? code + 2 ** FRACTION[format] : code);
    });
    expect(halved).toBeGreaterThan(0);
    expectSame(again(q2, options).codes, q2.codes); // and then no more
  });

  test.each(FORMATS)(
    "%s: every code's value is a normal number with a floor of 2^-90, not with the least floor",
    (format) => {
      const options = { tiling: "row", format, scales: "powerOfTwo", floor: 2 ** -90 } as const;
      const { scales } = quantize(new Float32Array(1), [1, 1], options);
      const smallest = SUBNORMAL[format] * scales[0]!;
      expect(smallest).toBeGreaterThanOrEqual(2 ** -126);
      const least = { ...options, floor: 2 ** -110 };
      const tiny = quantize(Float32Array.of(2 ** -126), [1, 1], least);
      expect(tiny.codes[0]).toBeGreaterThan(0);
      const lost = { ...tiny, codes: tiny.codes.map(() => 1) } as typeof tiny;
      expectSame(again(lost, least).codes, [0]);
    },
  );

  test("f32 scales from elsewhere may not come back: one that no quotient by 448 rounds to", () => {
    const scales = floatsOf([0x3fa00004]); // 7 times its significand lies in the middle of two f32
    const q = { format: "e4m3fn", tiling: "row", rows: 1, columns: 1, codes: Uint8Array.of(0x7e), scales } as const;
    expect(bitsOf(again(q, { tiling: "row" }).scales)[0]).not.toBe(0x3fa00004);
  });
});

test("by division or by the reciprocal: not the same code beside a tie", () => {
  const tie = 1.0625; // between 1 and 1.125
  const amax = Float32Array.from({ length: 200 }, (_, i) => 400 + i / 7);
  const [plain, reciprocal] = [new Uint8Array(200), new Uint8Array(200)];
  const codes = (i: number, division: "divide" | "reciprocal"): Uint8Array =>
    quantize(Float32Array.of(amax[i]!, tie * (amax[i]! / 448)), [1, 2], { tiling: "row", division }).codes;
  const expected = (i: number, quotient: (x: number, scale: number) => number): number => {
    const scale = Math.fround(amax[i]! / 448);
    return encodeFp8(Float32Array.of(quotient(Math.fround(tie * (amax[i]! / 448)), scale)), "e4m3fn")[0]!;
  };
  for (let i = 0; i < amax.length; i++) {
    [plain[i], reciprocal[i]] = [codes(i, "divide")[1]!, codes(i, "reciprocal")[1]!];
    expect(plain[i]).toBe(expected(i, (x, scale) => x / scale));
    expect(reciprocal[i]).toBe(expected(i, (x, scale) => x * Math.fround(1 / scale)));
  }
  expect(plain).not.toEqual(reciprocal);
});

test.each(FORMATS)("%s: another floor; f32 subnormals stay zero below it", (format) => {
  for (const floor of [1e-4, 0.3, 3e-20, 2 ** -110]) {
    const x = Float32Array.of(floor / 3, -1.1754942e-38, 0);
    const { codes, scales } = quantize(x, [1, 3], { tiling: "row", format, floor });
    expectSame(scales, [Math.fround(Math.fround(floor) / MAX[format])]);
    expectSame(codes.subarray(1), [format === "e5m6" ? 0x800 : 0x80, 0]);
    expect(codes[0]).toBeGreaterThan(0);
  }
});

test("blocks as checkpoints hold them: quantize by block in e4m3fn", () => {
  const shape = [130, 257] as const;
  const x = random(shape, 8);
  const blocks = quantizeBlocks(x, shape, { scales: "powerOfTwo" });
  expect(blocks).toEqual(quantize(x, shape, { tiling: "block", format: "e4m3fn", scales: "powerOfTwo" }));
  expectSame(dequantizeBlocks(blocks.codes, blocks.scales, shape), dequantize(blocks));
});

test("the largest f32 has a scale; rounded up to a power of two its code stands for 2^128, infinity in f32", () => {
  const largest = Float32Array.of(3.4028235e38);
  const plain = quantize(largest, [1, 1], { tiling: "row" });
  expectSame(plain.codes, [0x7e]);
  expectSame(dequantize(plain), largest);
  const powers = quantize(largest, [1, 1], { tiling: "row", scales: "powerOfTwo" });
  expectSame(powers.scales, [2 ** 120]);
  expectSame(dequantize(powers), [Number.POSITIVE_INFINITY]);
  const values = FORMATS.map((format) => dequantize(quantize(largest, [1, 1], { tiling: "row", format }))[0]);
  expectSame(values as number[], [largest[0]!, largest[0]!, Number.POSITIVE_INFINITY]);
});

test("no rows, no columns", () => {
  for (const shape of [[0, 5] as const, [5, 0] as const]) {
    const q = quantize(new Float32Array(0), shape, { tiling: "block" });
    expect([q.codes.length, q.scales.length, dequantize(q).length]).toEqual([0, 0, 0]);
  }
});

test("what does not fit is named", () => {
  const x = new Float32Array(6);
  expect(() => quantize(x, [2, 4], { tiling: "row" })).toThrow(ShapeError);
  expect(() => quantize(x, [-2, -3], { tiling: "row" })).toThrow(ShapeError);
  expect(() => quantize(x, [2, 4], { tiling: "row" })).toThrow(
    "x: expected 8 elements of [2, 4], got 6 elements. Give rows and columns of the matrix",
  );
  expect(() => quantize(x, [2, 3], { tiling: "rows" as Tiling })).toThrow('Did you mean "row"?');
  expect(() => quantize(x, [2, 3], { tiling: "row", scales: "ue8m0" as "f32" })).toThrow(ConfigError);
  expect(() => quantize(x, [2, 3], { tiling: "row", division: "inverse" as "divide" })).toThrow("divide, reciprocal");
  for (const floor of [0, -1, 2 ** -111, Number.NaN, 1e39]) {
    const run = () => quantize(x, [2, 3], { tiling: "row", floor });
    expect(run).toThrow(OutOfRangeError);
    expect(run).toThrow(expect.objectContaining({ hint: "Leave it out for 1e-4, or take LEAST_FLOOR." }));
  }
  const codes = new Uint8Array(6);
  expect(() => dequantizeBlocks(codes, new Float32Array(2), [2, 3])).toThrow("scales: expected 1 elements of [1, 1]");
  expect(() => dequantizeBlocks(codes, new Float32Array(1), [3, 3])).toThrow(ShapeError);
});
