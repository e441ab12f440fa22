import {
  decodeE5m6,
  decodeFp8,
  dequantizeBlocks,
  encodeE5m6,
  encodeFp8,
  limitedProduct,
  quantize,
  quantizeBlocks,
} from "@ds3/fp8-codec";
import { median } from "../../figure.ts";
import { seededValues } from "../../seeded-values.ts";
import type { CpuFigure } from "../suite-messages.ts";
import { timedAfterFirst } from "./timing.ts";

const REPEATS = 5;
const [ROWS, COLUMNS] = [1024, 2048];
const MEGABYTES = (4 * ROWS * COLUMNS) / 1e6;
/** Of the model of limited accumulation; K as in the report's example. */
const PRODUCT = { rows: 16, columns: 16, depth: 4096 };

/** Codecs on one thread, in megabytes of f32 values: a checkpoint has a quarter of these bytes as codes. */
export async function* benchFp8Codec(): AsyncGenerator<CpuFigure> {
  const values = seededValues(ROWS * COLUMNS);
  const shape: readonly [number, number] = [ROWS, COLUMNS];
  const codes = { e4m3fn: encodeFp8(values, "e4m3fn"), e5m2: encodeFp8(values, "e5m2"), e5m6: encodeE5m6(values) };
  const blocks = quantizeBlocks(values, shape);
  const calls: Readonly<Record<string, () => unknown>> = {
    "encode.e4m3fn": () => encodeFp8(values, "e4m3fn"),
    "decode.e4m3fn": () => decodeFp8(codes.e4m3fn, "e4m3fn"),
    "encode.e5m2": () => encodeFp8(values, "e5m2"),
    "decode.e5m2": () => decodeFp8(codes.e5m2, "e5m2"),
    "encode.e5m6": () => encodeE5m6(values),
    "decode.e5m6": () => decodeE5m6(codes.e5m6),
    "quantize.row": () => quantize(values, shape, { tiling: "row" }),
    "quantize.column": () => quantize(values, shape, { tiling: "column" }),
    "quantize.block": () => quantizeBlocks(values, shape),
    "dequantize.block": () => dequantizeBlocks(blocks.codes, blocks.scales, shape),
  };
  for (const [name, call] of Object.entries(calls)) {
    const seconds = median(await timedAfterFirst(REPEATS, call));
    yield { name: `fp8-codec.${name}`, value: MEGABYTES / seconds, unit: "MB/s", note: NOTE };
  }
  yield await limitedFigure();
}

const NOTE = "of f32 values";

async function limitedFigure(): Promise<CpuFigure> {
  const { rows, columns, depth } = PRODUCT;
  const a = decodeFp8(encodeFp8(seededValues(rows * depth), "e4m3fn"), "e4m3fn");
  const seconds = median(await timedAfterFirst(REPEATS, () => limitedProduct(a, a, PRODUCT)));
  const gflops = (2 * rows * columns * depth) / seconds / 1e9;
  return { name: "fp8-codec.limited-product", value: gflops, unit: "GFLOP/s", note: "a model, not a way to compute" };
}
