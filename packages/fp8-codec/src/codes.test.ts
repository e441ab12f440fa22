import { ConfigError } from "@ds3/errors";
import { normals, uniforms } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectSame, floatsOf } from "../test/bits.ts";
import {
  type CodeFormat,
  decodeE5m6,
  decodeFp8,
  encodeE5m6,
  encodeFp8,
  type Fp8Format,
  type OverflowPolicy,
} from "./index.ts";

/** Written down from the formats' definitions: the tests read no facts of the package. */
const FORMATS = [
  { format: "e4m3fn", codes: 256, nans: [0x7f], max: 448, smallestNormal: 2 ** -6, subnormal: 2 ** -9, fraction: 3 },
  {
    format: "e5m2",
    codes: 256,
    nans: [0x7d, 0x7e, 0x7f],
    max: 57344,
    smallestNormal: 2 ** -14,
    subnormal: 2 ** -16,
    fraction: 2,
  },
  {
    format: "e5m6",
    codes: 4096,
    nans: Array.from({ length: 63 }, (_, i) => 0x7c1 + i),
    max: 65024,
    smallestNormal: 2 ** -14,
    subnormal: 2 ** -20,
    fraction: 6,
  },
] as const;

const encode = (x: Float32Array, format: CodeFormat, overflow: OverflowPolicy = "saturate"): readonly number[] => [
  ...(format === "e5m6" ? encodeE5m6(x, { overflow }) : encodeFp8(x, format, { overflow })),
];
const decode = (codes: readonly number[], format: CodeFormat): Float32Array =>
  format === "e5m6" ? decodeE5m6(Uint16Array.from(codes)) : decodeFp8(Uint8Array.from(codes), format);

describe.each(FORMATS)("$format", ({ format, codes, nans, max, smallestNormal, subnormal, fraction }) => {
  const sign = codes / 2;
  const all = Array.from({ length: codes }, (_, code) => code);
  /** Numbers of every size the format has and some it has not, of both signs. */
  const numbers = (() => {
    const [next, normal] = [uniforms(1), normals(1000, 2)];
    const sizes = Float32Array.from(
      { length: 4000 },
      () => (next() < 0.5 ? -1 : 1) * 2 ** (next() * 48 - 28) * (1 + next()),
    );
    return Float32Array.from([...normal, ...sizes]).filter((x) => Math.abs(x) <= max);
  })();

  test("encode(decode(code)) = code for all codes, NaNs becoming the one that encoding gives", () => {
    const expected = all.map((code) => (nans.some((nan) => nan === code % sign) ? (code & sign) | (sign - 1) : code));
    const encoded = encode(decode(all, format), format, "nonsaturating");
    const withoutSign = (list: readonly number[]) => list.map((code) => (code % sign === sign - 1 ? sign - 1 : code));
    expect(withoutSign(encoded)).toEqual(withoutSign(expected)); // a decoded NaN has no sign
    for (const overflow of ["saturate", "torch"] as const) {
      const finite = all.filter((code) => Number.isFinite(decode([code], format)[0]));
      expect(encode(decode(finite, format), format, overflow)).toEqual(finite);
    }
  });

  test("decode(encode(x)) is at most half an ulp away, half the smallest subnormal below the normal numbers", () => {
    const decoded = decode(encode(numbers, format), format);
    let [relative, below] = [0, 0];
    numbers.forEach((x, i) => {
      const error = Math.abs(decoded[i]! - x);
      const ulp = Math.max(2 ** Math.floor(Math.log2(Math.abs(x))), smallestNormal) * 2 ** -fraction;
      expect(error).toBeLessThanOrEqual(ulp / 2);
      if (Math.abs(x) < smallestNormal) below = Math.max(below, error / subnormal);
      else relative = Math.max(relative, error / Math.abs(x));
    });
    expect(relative).toBeLessThanOrEqual(2 ** -(fraction + 1));
    expect(relative).toBeGreaterThan(0.8 * 2 ** -(fraction + 1)); // and it gets there
    expect(below).toBeLessThanOrEqual(0.5);
    expect(below).toBeGreaterThan(0.4);
  });

  test("never a nearer value: nearest of all, even code on ties", () => {
    const finite = all.slice(0, sign).filter((code) => Number.isFinite(decode([code], format)[0]));
    const values = decode(finite, format);
    const encoded = encode(numbers.slice(0, 1500), format);
    const distance = (i: number, code: number) => Math.abs(Math.abs(numbers[i]!) - (values[code] ?? Infinity));
    encoded.forEach((code, i) => {
      const error = distance(i, code % sign);
      expect(distance(i, (code % sign) - 1)).toBeGreaterThanOrEqual(error);
      expect(distance(i, (code % sign) + 1)).toBeGreaterThanOrEqual(error);
    });
    const ties = Float32Array.from(values.slice(1), (value, i) => (value + values[i]!) / 2);
    encode(ties, format).forEach((code, i) => {
      expect(code % 2).toBe(0);
      expect(Math.abs(code - (i + 0.5))).toBe(0.5);
    });
  });

  test("monotone, and odd", () => {
    const sorted = numbers.slice().sort();
    const decoded = decode(encode(sorted, format), format);
    for (let i = 1; i < decoded.length; i++) expect(decoded[i]).toBeGreaterThanOrEqual(decoded[i - 1]!);
    expect(
      encode(
        sorted.map((x) => -x),
        format,
      ),
    ).toEqual(encode(sorted, format).map((code) => code ^ sign));
  });

  test("f32 subnormals and what is at most half the smallest subnormal are zero, with their sign", () => {
    const tiny = Float32Array.of(0, 1e-45, 1.1754942e-38, 2 ** -126, subnormal / 2);
    expect(encode(tiny, format)).toEqual([0, 0, 0, 0, 0]);
    expect(
      encode(
        tiny.map((x) => -x),
        format,
      ),
    ).toEqual([sign, sign, sign, sign, sign]);
    expect(encode(Float32Array.of(subnormal * 0.5000001), format)).toEqual([1]);
  });

  test("NaN is all ones behind its sign, whatever its payload and the policy", () => {
    const payloads = floatsOf([0x7fc00000, 0x7f800001, 0x7fffffff, 0xffc00000, 0xff800001, 0xffffffff]);
    const [plus, minus] = [sign - 1, 2 * sign - 1];
    for (const overflow of ["saturate", "nonsaturating", "torch"] as const) {
      expect(encode(payloads, format, overflow)).toEqual([plus, plus, plus, minus, minus, minus]);
    }
  });
});

test.each([
  ["e4m3fn", "saturate", 464.00003, 0x7e],
  ["e4m3fn", "nonsaturating", 464.00003, 0x7f],
  ["e4m3fn", "torch", 464.00003, 0x7e],
  ["e5m2", "saturate", 61440, 0x7b],
  ["e5m2", "nonsaturating", 61440, 0x7c],
  ["e5m2", "torch", 61440, 0x7c],
  ["e5m6", "saturate", 65280, 0x7bf],
  ["e5m6", "nonsaturating", 65280, 0x7c0],
  ["e5m6", "torch", 65280, 0x7c0],
] as const)("%s, %s: from %d on, and infinity", (format, overflow, first, code) => {
  const sign = format === "e5m6" ? 0x800 : 0x80;
  const beyond = Float32Array.of(first, 1e30, 3.4028235e38, Number.POSITIVE_INFINITY);
  expect(encode(beyond, format, overflow)).toEqual([code, code, code, code]);
  expect(
    encode(
      beyond.map((x) => -x),
      format,
      overflow,
    ),
  ).toEqual([code, code, code, code].map((c) => c | sign));
  const largest = { e4m3fn: [464, 0x7e], e5m2: [61439.996, 0x7b], e5m6: [65279.996, 0x7bf] }[format];
  expect(encode(Float32Array.of(largest[0]!), format, overflow)).toEqual([largest[1]]); // the last that rounds to max
});

test("codes and values lie in arrays of their own, from views as from whole arrays", () => {
  const whole = Float32Array.of(9, 1, -2, 9);
  expectSame(encodeFp8(whole.subarray(1, 3), "e4m3fn"), [0x38, 0xc0]);
  expectSame(decodeFp8(Uint8Array.of(0, 0x38, 0xc0).subarray(1), "e4m3fn"), [1, -2]);
  expectSame(decodeE5m6(Uint16Array.of(0xf3c0)), [1]); // four bits above the code are not looked at
  expectSame(encodeFp8(new Float32Array(0), "e5m2"), []);
});

test("unknown names are named, with the nearest", () => {
  const format = "e4m3" as Fp8Format;
  expect(() => encodeFp8(new Float32Array(1), format)).toThrow(ConfigError);
  expect(() => decodeFp8(new Uint8Array(1), format)).toThrow('Did you mean "e4m3fn"?');
  const overflow = "saturating" as OverflowPolicy;
  expect(() => encodeFp8(new Float32Array(1), "e5m2", { overflow })).toThrow("expected saturate, nonsaturating, torch");
});
