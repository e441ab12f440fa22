import { OutOfRangeError } from "@ds3/errors";
import { uniforms } from "@ds3/testing";
import { expect, test } from "vitest";
import { bitsOf, expectSame, floatsOf } from "../test/bits.ts";
import { decodeUe8m0, encodeUe8m0, roundUpToPowerOfTwo } from "./index.ts";

const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

test("bytes are powers of two from 2^-127 to 2^127, the last NaN", () => {
  const values = decodeUe8m0(bytes);
  expectSame(values, [...bytes.slice(0, 255)].map((byte) => 2 ** (byte - 127)).concat(Number.NaN));
  expect(bitsOf(values)[255]).toBe(0x7fc00000);
});

test("encode(decode(byte)) = byte for all 256", () => {
  expectSame(encodeUe8m0(decodeUe8m0(bytes)), bytes);
});

test("the smallest power of two that is not less, also one bit above and below a power", () => {
  const next = uniforms(3);
  const random = Float32Array.from({ length: 2000 }, () => 2 ** (next() * 252 - 126));
  const powers = decodeUe8m0(bytes.slice(1, 255));
  const around = [0, 1, -1].flatMap((step) => [...bitsOf(powers)].map((word) => word + step));
  for (const scale of [...random, ...floatsOf(around)]) {
    if (scale > 2 ** 127) continue;
    const rounded = roundUpToPowerOfTwo(Float32Array.of(scale))[0]!;
    expect(Number.isInteger(Math.log2(rounded))).toBe(true);
    expect(rounded).toBeGreaterThanOrEqual(scale);
    expect(rounded / 2 < scale || rounded === 2 ** -127).toBe(true);
  }
});

test("what no byte holds: NaN for the large ones, 2^-127 for the small", () => {
  const large = floatsOf([0x7f000001, 0x7f7fffff, 0x7f800000, 0x7fc00000, 0xffc00000]);
  expectSame(encodeUe8m0(large), [255, 255, 255, 255, 255]);
  expectSame(
    bitsOf(roundUpToPowerOfTwo(large)),
    Array.from(large, () => 0x7fc00000),
  );
  expectSame(encodeUe8m0(floatsOf([1, 0x00400000, 0x00400001, 0x007fffff, 0x00800000])), [0, 0, 1, 1, 1]);
});

test("zero and negative scales are refused", () => {
  expect(() => encodeUe8m0(Float32Array.of(1, 0))).toThrow("encodeUe8m0: scales[1]: expected a positive number, got 0");
  expect(() => encodeUe8m0(Float32Array.of(-0))).toThrow("got -0");
  expect(() => roundUpToPowerOfTwo(Float32Array.of(-1))).toThrow(OutOfRangeError);
  expect(() => encodeUe8m0(Float32Array.of(Number.NEGATIVE_INFINITY))).toThrow(OutOfRangeError);
});
