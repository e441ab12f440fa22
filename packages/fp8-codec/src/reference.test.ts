import { join } from "node:path";
import { loadFixture } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { expectSame, floatsOf, storedCodes, storedFloats } from "../test/bits.ts";
import {
  type CodeFormat,
  decodeE5m6,
  decodeFp8,
  dequantize,
  encodeE5m6,
  encodeFp8,
  formatFacts,
  type OverflowPolicy,
  quantize,
  type Tiling,
} from "./index.ts";

const fixture = (name: string) => loadFixture(join(import.meta.dirname, "..", "fixtures", name));
const FORMATS: readonly CodeFormat[] = ["e4m3fn", "e5m2", "e5m6"];

const encode = (x: Float32Array, format: CodeFormat, overflow: OverflowPolicy) =>
  format === "e5m6" ? encodeE5m6(x, { overflow }) : encodeFp8(x, format, { overflow });

describe.each(FORMATS)("%s as ml_dtypes, torch and numpy have it", (format) => {
  const stored = fixture(`codec_${format}`);

  test("decoding of every code", () => {
    const count = 2 * formatFacts(format).signBit;
    const decoded =
      format === "e5m6"
        ? decodeE5m6(Uint16Array.from({ length: count }, (_, code) => code))
        : decodeFp8(
            Uint8Array.from({ length: count }, (_, code) => code),
            format,
          );
    expectSame(decoded, floatsOf(stored.i32("decoded_bits")));
  });

  test.each(["saturate", "nonsaturating", "torch"] as const)("encoding, %s", (overflow) => {
    const name = overflow === "torch" && format === "e5m6" ? "nonsaturating" : overflow;
    expectSame(encode(floatsOf(stored.i32("x_bits")), format, overflow), storedCodes(stored, `codes_${name}`));
  });
});

describe.each(["tiles_row", "tiles_column", "tiles_block", "tiles_block_wide"])(
  "%s as the definition in numpy",
  (name) => {
    const stored = fixture(name);
    const x = storedFloats(stored, "x");
    const shape = stored.meta.tensors.x!.shape as [number, number];
    const tiling = stored.meta.config.tiling as Tiling;

    test.each(FORMATS)("%s", (format) => {
      for (const scales of ["f32", "powerOfTwo"] as const) {
        const quantized = quantize(x, shape, { tiling, format, scales });
        expectSame(quantized.scales, storedFloats(stored, `${format}.${scales}.scales`));
        expectSame(quantized.codes, storedCodes(stored, `${format}.${scales}.codes`));
      }
      const { codes } = quantize(x, shape, { tiling, format, division: "reciprocal" });
      expectSame(codes, storedCodes(stored, `${format}.reciprocal.codes`));
    });

    test("values are codes times scales", () => {
      const quantized = quantize(x, shape, { tiling });
      const scaleColumns = tiling === "column" ? shape[1] : Math.ceil(shape[1] / 128);
      const values = decodeFp8(quantized.codes, "e4m3fn");
      const expected = values.map((value, i) => {
        const [row, column] = [Math.floor(i / shape[1]), i % shape[1]];
        const tileRow = tiling === "row" ? row : Math.floor(row / 128);
        const tileColumn = tiling === "column" ? column : Math.floor(column / 128);
        return value * quantized.scales[tileRow * scaleColumns + tileColumn]!;
      });
      expectSame(dequantize(quantized), expected);
      expect(expected.some((value) => value !== 0)).toBe(true);
    });
  },
);
