import { ConfigError, ShapeError } from "@ds3/errors";
import { integers, normals, uniforms } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { decodeFp8, encodeFp8, type LimitedProductOptions, limitedProduct } from "./index.ts";

/** Products are integers times 2^-FRACTION: e5m2's smallest one is 2^-32. */
const FRACTION = 200;

/** floor(log2 |value|) of an integer. */
const log2 = (value: bigint): number => (value < 0n ? -value : value).toString(2).length - 1;

/** What is left of an integer when the bits below 2^`position` are cut off, towards zero. */
const cut = (value: bigint, position: number): bigint => {
  if (position <= 0) return value;
  return (value / (1n << BigInt(position))) << BigInt(position);
};

/** A double that is a multiple of 2^-(FRACTION / 2), as an integer times that. */
const integer = (value: number): bigint => BigInt(value * 2 ** (FRACTION / 2));

/** The definition, literally: one sum, on integers of any size, rounded to f32 where the model says so. */
function literalSum(a: Float32Array, b: Float32Array, { bits = 14, group = 32, promoteEvery }: LimitedProductOptions) {
  let sum = 0;
  let register = 0n;
  for (let k = 0; k < a.length; k += group) {
    const terms = [register];
    for (let i = k; i < Math.min(k + group, a.length); i++) terms.push(integer(a[i]!) * integer(b[i]!));
    const top = Math.max(...terms.filter((term) => term !== 0n).map(log2));
    register = terms.map((term) => cut(term, top - bits + 1)).reduce((total, term) => total + term, 0n);
    if (register !== 0n) register = cut(register, log2(register) - bits + 1);
    const done = k + group;
    if (promoteEvery !== undefined && done % promoteEvery === 0) {
      sum = Math.fround(sum + Number(register) * 2 ** -FRACTION);
      register = 0n;
    }
  }
  return Math.fround(sum + Number(register) * 2 ** -FRACTION);
}

function literal(a: Float32Array, b: Float32Array, depth: number, options: LimitedProductOptions): Float32Array {
  const slices = (x: Float32Array) =>
    Array.from({ length: x.length / depth }, (_, row) => x.subarray(row * depth, (row + 1) * depth));
  return Float32Array.from(slices(a).flatMap((left) => slices(b).map((right) => literalSum(left, right, options))));
}

describe("every sum is that of the definition on integers", () => {
  const values = (count: number, format: "e4m3fn" | "e5m2", seed: number): Float32Array =>
    decodeFp8(
      Uint8Array.from(integers(count, 256, seed), (code) => ((code & 0x7f) > 0x7b ? code & 0x83 : code)),
      format,
    );
  const cases: readonly (readonly [string, number, LimitedProductOptions])[] = [
    ["one group", 32, {}],
    ["a ragged group", 45, {}],
    ["no promotion", 1000, {}],
    ["promotion", 1000, { promoteEvery: 128 }],
    ["promotion after every group", 96, { promoteEvery: 32 }],
    ["fewer bits", 300, { bits: 8 }],
    ["more bits, other groups", 300, { bits: 23, group: 16, promoteEvery: 64 }],
    ["one product at a time", 70, { group: 1, bits: 5 }],
  ];
  test.each(cases)("%s", (_, depth, options) => {
    for (const format of ["e4m3fn", "e5m2"] as const) {
      const [a, b] = [values(3 * depth, format, 1), values(4 * depth, format, 2)];
      const product = limitedProduct(a, b, { rows: 3, columns: 4, depth }, options);
      expect(product).toEqual(literal(a, b, depth, options));
      expect(product.some((value) => value !== 0)).toBe(true);
    }
  });

  test("sums that cancel, and zeros", () => {
    const a = Float32Array.of(448, -448, 0, 0.25, 1, 0, 0, 0);
    const b = Float32Array.of(448, 448, 5, 0.5, 1, 0, 0, -0);
    for (const group of [1, 2, 4, 8]) {
      const product = limitedProduct(a, b, { rows: 1, columns: 1, depth: 8 }, { group });
      expect(product).toEqual(literal(a, b, 8, { group }));
      expect(product[0]).toBe(group < 4 ? 1.125 : group === 4 ? 1 : 0);
    }
  });
});

test("what is 14 bits below the largest is cut off, whatever there is of it", () => {
  const ones = new Float32Array(4096).fill(1);
  ones[0] = 2 ** 14;
  const shape = { rows: 1, columns: 1, depth: 4096 };
  const unit = new Float32Array(4096).fill(1);
  expect(limitedProduct(ones, unit, shape)[0]).toBe(2 ** 14);
  expect(limitedProduct(ones, unit, shape, { promoteEvery: 128 })[0]).toBe(2 ** 14 + 4096 - 128);
  expect(limitedProduct(ones, unit, shape, { bits: 15 })[0]).toBe(2 ** 14 + 4095);
});

describe("a depth of 4096 without and with promotion", () => {
  const [rows, columns, depth] = [24, 24, 4096];
  const coded = (x: ArrayLike<number>): Float32Array => decodeFp8(encodeFp8(Float32Array.from(x), "e4m3fn"), "e4m3fn");

  /** Largest error in units of `against` of the exact sums. */
  function worst(a: Float32Array, b: Float32Array, promoteEvery: number | undefined, against: "each" | "rms"): number {
    const product = limitedProduct(a, b, { rows, columns, depth }, { promoteEvery });
    const exact = Float64Array.from(product, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += a[row * depth + k]! * b[column * depth + k]!;
      return sum;
    });
    const rms = Math.sqrt(exact.reduce((sum, value) => sum + value * value, 0) / exact.length);
    return Math.max(...exact.map((v, i) => Math.abs(product[i]! - v) / (against === "each" ? Math.abs(v) : rms)));
  }

  test("of uniform values: per cents without, an order of magnitude less with", () => {
    const next = uniforms(5);
    const [a, b] = [0, 1].map(() => coded(Float64Array.from({ length: rows * depth }, next))) as [
      Float32Array,
      Float32Array,
    ];
    const [without, promoted] = [worst(a, b, undefined, "each"), worst(a, b, 128, "each")];
    expect(without).toBeGreaterThan(0.01);
    expect(without).toBeLessThan(0.1);
    expect(promoted).toBeLessThan(without / 10);
  });

  test("of normal values: about one per cent of a typical sum without, an order of magnitude less with", () => {
    const [a, b] = [normals(rows * depth, 6), normals(columns * depth, 7)].map(coded) as [Float32Array, Float32Array];
    const [without, promoted] = [worst(a, b, undefined, "rms"), worst(a, b, 128, "rms")];
    expect(without).toBeGreaterThan(0.003);
    expect(without).toBeLessThan(0.03);
    expect(promoted).toBeLessThan(without / 10);
  });
});

test("infinity and NaN stay what they are", () => {
  const shape = { rows: 1, columns: 1, depth: 40 };
  const at = (value: number): Float32Array => new Float32Array(40).fill(1).fill(value, 3, 4);
  expect(limitedProduct(at(Number.POSITIVE_INFINITY), at(1), shape)[0]).toBe(Number.POSITIVE_INFINITY);
  expect(limitedProduct(at(Number.NaN), at(1), shape)[0]).toBeNaN();
  expect(limitedProduct(at(Number.POSITIVE_INFINITY), at(0), shape)[0]).toBeNaN();
});

test("no depth, no rows; sizes and options that do not fit are named", () => {
  const none = new Float32Array(0);
  expect(limitedProduct(none, none, { rows: 2, columns: 1, depth: 0 })).toEqual(new Float32Array(2));
  expect(limitedProduct(none, none, { rows: 0, columns: 0, depth: 5 })).toEqual(none);
  const one = new Float32Array(64);
  const shape = { rows: 1, columns: 1, depth: 64 };
  expect(() => limitedProduct(one, none, shape)).toThrow(ShapeError);
  expect(() => limitedProduct(one, one, shape, { bits: 40 })).toThrow("bits: expected an integer from 2 to 32, got 40");
  expect(() => limitedProduct(one, one, shape, { group: 0 })).toThrow(ConfigError);
  expect(() => limitedProduct(one, one, shape, { promoteEvery: 48 })).toThrow(
    "a positive multiple of group (32), got 48. Hopper's FP8 tensor cores: bits 14, group 32, promoteEvery 128.",
  );
});
