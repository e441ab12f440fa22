import { dequantize, encodeUe8m0, quantize } from "@ds3/fp8";
import {
  type CodeFormat,
  dequantizeBlocks,
  dequantize as dequantizeOnCpu,
  encodeUe8m0 as encodeUe8m0OnCpu,
  type MatrixShape,
  quantize as quantizeOnCpu,
  scalesShape,
  type Tiling,
} from "@ds3/fp8-codec";
import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import type { FixtureJson } from "../find-fixtures.ts";
import type { Results } from "../topic.ts";
import { bytesOf, codesOf, matrixFrom } from "./quantized-matrices.ts";

/** A matrix in tiles or blocks: scales and codes, divided and multiplied, with scales of any f32 and powers of two. */
export function addTiles(results: Results, gpu: Gpu, fixture: Fixture, config: FixtureJson): void {
  const shape = matrixShape(fixture, "x");
  const x = fixture.tensor("x").data as Float32Array;
  const how = { tiling: tilingOf(fixture, shape), format: (config.format ?? "e4m3fn") as CodeFormat };
  addOnCpu(results, x, shape, how);
  addOnGpu(results, gpu, fixture, shape, how);
}

interface How {
  readonly tiling: Tiling;
  readonly format: CodeFormat;
}

function addOnCpu(results: Results, x: Float32Array, shape: MatrixShape, how: How): void {
  const via = "quantize on the CPU";
  const quantized = quantizeOnCpu(x, shape, how);
  results.add("scale", via, quantized.scales);
  results.add("q", via, quantized.codes);
  results.add("q_reciprocal", via, quantizeOnCpu(x, shape, { ...how, division: "reciprocal" }).codes);
  const rounded = quantizeOnCpu(x, shape, { ...how, scales: "powerOfTwo" });
  results.add("scale_ue8m0", via, rounded.scales);
  results.add("scale_ue8m0_code", via, encodeUe8m0OnCpu(rounded.scales));
  results.add("q_ue8m0", via, rounded.codes);
  results.add("dequantised", "dequantize on the CPU", dequantizeOnCpu(quantized));
  if (how.tiling === "block" && how.format === "e4m3fn") {
    const { codes, scales } = quantized;
    results.add("dequantised", "dequantizeBlocks", dequantizeBlocks(codes as Uint8Array, scales, shape));
  }
}

function addOnGpu(results: Results, gpu: Gpu, fixture: Fixture, shape: MatrixShape, how: How): void {
  const via = "quantize";
  const x = gpu.tensor(fixture.tensor("x").data as Float32Array, [...shape], "f32", "x");
  const quantized = quantize(x, how);
  results.add("scale", via, quantized.scales.data());
  results.addDivided("q", via, codesOf(quantized));
  const rounded = quantize(x, { ...how, scales: "powerOfTwo" });
  results.add("scale_ue8m0", via, rounded.scales.data());
  const [rows, columns] = scalesShape(shape, how.tiling);
  results.add("scale_ue8m0_code", "encodeUe8m0 of quantize", bytesOf(encodeUe8m0(rounded.scales), rows, columns));
  results.add("q_ue8m0", via, codesOf(rounded));
  if (!fixture.names.includes("q")) return;
  const given = matrixFrom(gpu, fixture, { codes: "q", scales: "scale", ...how });
  results.add("dequantised", "dequantize of the given codes", dequantize(given).data());
}

/** Rows and columns of a stored matrix. */
export function matrixShape(fixture: Fixture, name: string): MatrixShape {
  const { shape } = fixture.tensor(name);
  if (shape.length === 2) return shape as unknown as MatrixShape;
  throw new Error(`${name}: expected a matrix, got [${shape.join(", ")}]`);
}

/** Which tiles the stored scales are of. One row in blocks is the same as in tiles of a row. */
function tilingOf(fixture: Fixture, shape: MatrixShape): Tiling {
  const stored = `${fixture.tensor("scale").shape}`;
  const tiling = (["row", "block", "column"] as const).find((one) => `${scalesShape(shape, one)}` === stored);
  if (tiling) return tiling;
  throw new Error(`scale: [${stored}] fits no tiles of 1 x 128, 128 x 1 or 128 x 128 of [${shape.join(", ")}]`);
}
