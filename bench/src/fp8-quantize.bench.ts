import {
  decodeTensor,
  dequantize,
  encodeTensor,
  packTiles,
  type QuantizedMatrix,
  quantize,
  requantize,
  roundToBf16,
  TILE,
  type Tiling,
  unpackTiles,
} from "@ds3/fp8";
import type { Tensor } from "@ds3/tensor";
import type { BenchCase } from "./bench-case.ts";
import { kernelCase } from "./kernel-case.ts";
import { seededValues } from "./seeded-values.ts";

/** Activations of the study's model, 640 tokens, and a matrix of two million elements. */
const SIZES = [
  { name: "640x512", rows: 640, columns: 512 },
  { name: "2048x1024", rows: 2048, columns: 1024 },
];
/** Bytes of an element: e5m6 has 12 bits. */
const BYTES = { f32: 4, e4m3fn: 1, e5m6: 1.5 } as const;
/** Bytes of scales for an element: f32, or UE8M0 in a buffer for communication. */
const SCALES = { row: 4 / TILE, column: 4 / TILE, block: 4 / TILE ** 2, packed: 1 / TILE } as const;

/** What is timed; bytes of an element are those read and those written, with scales. */
interface Case {
  readonly name: string;
  readonly bytes: number;
  /** Makes what the call reads, and gives the call. */
  readonly setUp: (x: Tensor) => () => unknown;
}

const CASES: readonly Case[] = [
  quantizeCase("row"),
  quantizeCase("column"),
  quantizeCase("block"),
  quantizeCase("row", "e5m6"),
  requantizeCase("e4m3fn"),
  requantizeCase("e5m6"),
  dequantizeCase("row"),
  dequantizeCase("block"),
  {
    name: "encode-tensor",
    bytes: BYTES.f32 + BYTES.e4m3fn,
    setUp: (x) => () => encodeTensor(x, "e4m3fn"),
  },
  {
    name: "decode-tensor",
    bytes: BYTES.f32 + BYTES.e4m3fn,
    setUp: (x) => {
      const codes = encodeTensor(x, "e4m3fn");
      return () => decodeTensor(codes, x.shape.at(-1)!, "e4m3fn");
    },
  },
  { name: "pack-tiles", bytes: BYTES.f32 + BYTES.e4m3fn + SCALES.packed, setUp: (x) => () => packTiles(x) },
  {
    name: "unpack-tiles",
    bytes: BYTES.f32 + BYTES.e4m3fn + SCALES.packed,
    setUp: (x) => {
      const buffer = packTiles(x);
      return () => unpackTiles(buffer, x.shape.at(-1)!);
    },
  },
  { name: "round-to-bf16", bytes: 2 * BYTES.f32, setUp: (x) => () => roundToBf16(x) },
];

/** Between f32 and codes, and from codes to codes, beside the adapter's speed of plain copies. */
export const fp8QuantizeCases: readonly BenchCase[] = SIZES.flatMap(({ name: size, rows, columns }) =>
  CASES.map(({ name, bytes, setUp }) =>
    kernelCase({
      name: `fp8.${name}.${size}`,
      unit: "GB/s",
      bytes: bytes * rows * columns,
      setUp: (gpu) => {
        const call = setUp(gpu.tensor(seededValues(rows * columns), [rows, columns]));
        return () => () => void call();
      },
    }),
  ),
);

function quantizeCase(tiling: Tiling, format: "e4m3fn" | "e5m6" = "e4m3fn"): Case {
  const name = `quantize.${tiling}${format === "e4m3fn" ? "" : `.${format}`}`;
  const setUp = (x: Tensor) => (): QuantizedMatrix => quantize(x, { tiling, format });
  return { name, bytes: BYTES.f32 + BYTES[format] + SCALES[tiling], setUp };
}

function requantizeCase(format: "e4m3fn" | "e5m6"): Case {
  const setUp = (x: Tensor): (() => QuantizedMatrix) => {
    const rows = quantize(x, { tiling: "row", format });
    return () => requantize(rows, { tiling: "column" });
  };
  return { name: `requantize.${format}`, bytes: BYTES[format] + BYTES.e4m3fn + SCALES.row + SCALES.column, setUp };
}

function dequantizeCase(tiling: Tiling): Case {
  const setUp = (x: Tensor): (() => Tensor) => {
    const codes = quantize(x, { tiling });
    return () => dequantize(codes);
  };
  return { name: `dequantize.${tiling}`, bytes: BYTES.f32 + BYTES.e4m3fn + SCALES[tiling], setUp };
}
