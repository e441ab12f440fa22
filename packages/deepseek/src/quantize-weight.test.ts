import { normals } from "@ds3/testing/reference";
import { describe, expect, test } from "vitest";
import { dequantizedByDefinition, expectSame, valueOfCode } from "../test/released-tensors.ts";
import { type QuantizedWeight, quantizeWeight } from "./quantize-weight.ts";

const shape = [200, 300] as const;
const [rows, columns] = shape;
const weights = (seed: number): Float32Array => Float32Array.from(normals(rows * columns, seed), (x) => x * 0.02);
const blockOf = (i: number): number => Math.floor(Math.floor(i / columns) / 128) * 3 + Math.floor((i % columns) / 128);

/** Values of random codes, the largest of each block `largestCode`, with these scales, one a block. */
function loadedBlocks(seed: number, scales: Float32Array, largestCode: number) {
  const random = normals(rows * columns, seed);
  const codes = Uint8Array.from(random, (x) => Math.min(largestCode, Math.abs(x) * 40) | (x < 0 ? 0x80 : 0));
  for (let row = 0; row < rows; row += 128) {
    for (let column = 0; column < columns; column += 128) codes[row * columns + column] = largestCode;
  }
  return { codes, values: dequantizedByDefinition(codes, scales, columns) };
}

function expectSameWeight(got: QuantizedWeight, want: QuantizedWeight): void {
  expectSame(got.codes, want.codes, "codes");
  expectSame(got.scales, want.scales, "scales");
}

describe("by the rule", () => {
  test("a scale is the block's largest magnitude / 448, a code the nearest one", () => {
    const values = weights(1);
    const { codes, scales } = quantizeWeight(values, shape, "f32");
    const largest = new Float64Array(6);
    values.forEach((x, i) => {
      largest[blockOf(i)] = Math.max(largest[blockOf(i)]!, Math.abs(x));
    });
    expect(scales).toEqual(Float32Array.from(largest, (amax) => amax / 448));
    const all = Array.from({ length: 127 }, (_, code) => valueOfCode(code));
    const gap = (i: number, code: number): number => Math.abs(Math.abs(values[i]!) / scales[blockOf(i)]! - code);
    const misses = [...codes].filter((code, i) => {
      const [got, best] = [gap(i, valueOfCode(code & 0x7f)), Math.min(...all.map((one) => gap(i, one)))];
      return got > best * (1 + 1e-5) || Math.sign(values[i]!) !== Math.sign(valueOfCode(code) || values[i]!);
    });
    expect(misses.length).toBe(0);
  });

  test("powers of two are rounded up from it", () => {
    const { scales } = quantizeWeight(weights(2), shape, "powerOfTwo");
    const plain = quantizeWeight(weights(2), shape, "f32").scales;
    for (const [i, scale] of scales.entries()) {
      expect(Number.isInteger(Math.log2(scale))).toBe(true);
      expect(scale >= plain[i]! && scale < 2 * plain[i]!).toBe(true);
    }
  });

  test("zeros, one element and nothing", () => {
    const zeros = quantizeWeight(new Float32Array(4), [2, 2], "f32");
    expect([...zeros.codes]).toEqual([0, 0, 0, 0]);
    expect(zeros.scales[0]).toBe(Math.fround(Math.fround(1e-4) / 448));
    const one = quantizeWeight(Float32Array.of(-3), [1, 1], "f32");
    expect(dequantizedByDefinition(one.codes, one.scales, 1)[0]).toBeCloseTo(-3, 6);
    expect(quantizeWeight(new Float32Array(0), [0, 5], "f32").codes.length).toBe(0);
  });
});

describe("blocks that were FP8 before", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("quantised, read and quantised again: the same bytes (seed %i)", (seed) => {
    const first = quantizeWeight(weights(seed), shape, "f32");
    const values = dequantizedByDefinition(first.codes, first.scales, columns);
    expectSameWeight(quantizeWeight(values, shape, "f32"), first);
  });

  test("scales that the rule alone would move by an ulp stay", () => {
    const moves = (scale: number): boolean => Math.fround(Math.fround(448 * scale) / 448) !== scale;
    const some = Float32Array.from(normals(2000, 3), (x) => 1e-4 * (2 + Math.abs(x))).filter(moves);
    expect(some.length).toBeGreaterThan(100);
    const scales = some.slice(0, 6);
    const { codes, values } = loadedBlocks(4, scales, 126);
    expectSameWeight(quantizeWeight(values, shape, "f32"), { codes, scales });
  });

  // The codes of 240, 256, ... 448.
  test.each([119, 120, 121, 122, 123, 124, 125, 126])(
    "the largest code may be %i, the scales powers of two",
    (code) => {
      const scales = Float32Array.of(2 ** -9, 2 ** -12, 2 ** -13, 2 ** -10, 2 ** -8, 2 ** -30);
      const { codes, values } = loadedBlocks(5, scales, code);
      expectSameWeight(quantizeWeight(values, shape, "f32"), { codes, scales });
    },
  );

  test.each([30, 64, 90, 112])("with a largest code of %i the codes change and no value does", (code) => {
    const scales = Float32Array.from(normals(6, 6), (x) => 1e-3 * (1 + Math.abs(x)));
    const { values } = loadedBlocks(7, scales, code);
    const again = quantizeWeight(values, shape, "f32");
    expectSame(dequantizedByDefinition(again.codes, again.scales, columns), values);
    expectSameWeight(quantizeWeight(values, shape, "f32"), again);
  });

  test.each([1, 2, 3, 4])("powers of two: no value changes, and the third time no byte (seed %i)", (seed) => {
    const read = ({ codes, scales }: QuantizedWeight) => dequantizedByDefinition(codes, scales, columns);
    const first = read(quantizeWeight(weights(seed), shape, "powerOfTwo"));
    const second = quantizeWeight(first, shape, "powerOfTwo");
    expectSame(read(second), first);
    expectSameWeight(quantizeWeight(read(second), shape, "powerOfTwo"), second);
  });
});
