import { dequantize, type QuantizedMatrix, quantize, requantize, type Tiling } from "@ds3/fp8";
import type { Gpu, Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { kernelCase } from "./kernel-case.ts";
import type { Prepare } from "./measure-calls.ts";
import { seededValues } from "./seeded-values.ts";

/** Activations of the study's model, 640 tokens, and a weight of two million elements. */
const SIZES = [
  { name: "640x512", rows: 640, columns: 512 },
  { name: "2048x1024", rows: 2048, columns: 1024 },
];
const TILE = 128;

interface Case {
  readonly name: string;
  /** Bytes that an element takes where it is read, and where it is written; scales are counted apart. */
  readonly bytes: readonly [read: number, written: number];
  /** Scales read and written. */
  readonly scales: readonly Tiling[];
  readonly setUp: (x: Tensor) => () => unknown;
}

const CASES: readonly Case[] = [
  quantizeCase("row"),
  quantizeCase("column"),
  quantizeCase("block"),
  { ...quantizeCase("row", "e5m6"), name: "quantize.row.e5m6", bytes: [4, 1.5] },
  requantizeCase("e4m3fn", 1),
  requantizeCase("e5m6", 1.5),
  dequantizeCase("row"),
  dequantizeCase("block"),
];

/** Between f32 and codes, and from codes to codes, beside the adapter's speed of plain copies. */
export const fp8QuantizeCases: readonly BenchCase[] = SIZES.flatMap(({ name: size, rows, columns }) =>
  CASES.map(({ name, bytes: [read, written], scales, setUp }) =>
    kernelCase({
      name: `fp8.${name}.${size}`,
      unit: "GB/s",
      bytes:
        (read + written) * rows * columns + scales.reduce((sum, tiling) => sum + scaleBytes(tiling, rows, columns), 0),
      setUp: (gpu) => prepare(setUp(matrix(gpu, rows, columns))),
    }),
  ),
);

function quantizeCase(tiling: Tiling, format: "e4m3fn" | "e5m6" = "e4m3fn"): Case {
  const call = (x: Tensor) => (): QuantizedMatrix => quantize(x, { tiling, format });
  return { name: `quantize.${tiling}`, bytes: [4, 1], scales: [tiling], setUp: call };
}

function requantizeCase(format: "e4m3fn" | "e5m6", bytes: number): Case {
  const setUp = (x: Tensor): (() => QuantizedMatrix) => {
    const rows = quantize(x, { tiling: "row", format });
    return () => requantize(rows, { tiling: "column" });
  };
  return { name: `requantize.${format}`, bytes: [bytes, 1], scales: ["row", "column"], setUp };
}

function dequantizeCase(tiling: Tiling): Case {
  const setUp = (x: Tensor): (() => Tensor) => {
    const codes = quantize(x, { tiling });
    return () => dequantize(codes);
  };
  return { name: `dequantize.${tiling}`, bytes: [1, 4], scales: [tiling], setUp };
}

function scaleBytes(tiling: Tiling, rows: number, columns: number): number {
  return (4 * rows * columns) / (tiling === "block" ? TILE ** 2 : TILE);
}

function matrix(gpu: Gpu, rows: number, columns: number): Tensor {
  return gpu.tensor(seededValues(rows * columns), [rows, columns]);
}

function prepare(call: () => unknown): Prepare {
  return () => () => void call();
}
