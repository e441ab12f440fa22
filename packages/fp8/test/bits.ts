import type { Gpu, Tensor } from "@ds3/tensor";
import { expect } from "vitest";
import type { QuantizedMatrix } from "../src/quantized-matrix.ts";
import { unpackCodes } from "./unpack-codes.ts";

/** The bits of f32 numbers. */
export function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** The f32 numbers of bits. */
export function floatsOf(bits: ArrayLike<number>): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(bits, (word) => word >>> 0).buffer);
}

/** A tensor of these bits: uploads as numbers may quieten NaN. */
export function bitTensor(gpu: Gpu, bits: Uint32Array, shape: readonly number[]): Tensor {
  const words = gpu.tensor(bits, [bits.length], "u32");
  const tensor = gpu.empty(shape, "f32");
  gpu.copy(words, tensor, 0);
  return tensor;
}

/** Codes one an element, and scales as bits. */
export async function readBits(matrix: QuantizedMatrix): Promise<{ codes: Uint16Array; scales: Uint32Array }> {
  const { codes, scales, batch, rows, columns, format } = matrix;
  const words = await codes.data<"u32">();
  return { codes: unpackCodes(words, batch * rows, columns, format), scales: bitsOf(await scales.data()) };
}

/** Equal; behind a quotient that the device rounded (f32 scales) 99.8 %, the others neighbours. */
export function expectCodes(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  scales: "f32" | "powerOfTwo",
  message?: string,
): void {
  const distances = Array.from(got, (code, i) => Math.abs(code - want[i]!));
  expect(got.length, message).toBe(want.length);
  expect(
    distances.filter((d) => d > (scales === "f32" ? 1 : 0)),
    message,
  ).toEqual([]);
  expect(distances.filter((d) => d > 0).length, message).toBeLessThanOrEqual(0.002 * got.length);
}
