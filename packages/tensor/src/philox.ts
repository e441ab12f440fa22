import { OutOfRangeError } from "@ds3/errors";
import { assertDtype, type Gpu } from "./gpu.ts";
import { flatGrid } from "./grid.ts";
import { randomNormalWgsl, randomWordsWgsl } from "./philox.wgsl.ts";
import type { Tensor } from "./tensor.ts";

/** Which random numbers: the same seed and stream give the same ones. */
export interface RandomStream {
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** An integer in [0, 2^32): independent numbers of one seed, e.g. one stream a parameter. Default 0. */
  readonly stream?: number;
}

/** Random u32 words by Philox 4x32-10: the same on every adapter. @throws OutOfRangeError */
export function randomWords(gpu: Gpu, shape: readonly number[], stream: RandomStream): Tensor {
  const words = gpu.empty(shape, "u32", "random words");
  gpu.dispatch(randomWordsWgsl(), { words }, uniformsOf(words, stream), flatGrid(words.size, 256));
  return words;
}

/**
 * Fills a tensor with normal numbers of mean 0, in place: Philox 4x32-10 and Box-Muller. Meant for fresh parameters.
 * The same adapter, seed and stream give the same values bit for bit; other adapters round log and cos differently.
 * @throws OutOfRangeError for a seed or stream out of range; DtypeError when the tensor is not f32.
 */
export function fillNormal(values: Tensor, deviation: number, stream: RandomStream): void {
  assertDtype("fillNormal", "values", values, "f32");
  const uniforms = { ...uniformsOf(values, stream), deviation };
  values.gpu.dispatch(randomNormalWgsl(), { values }, uniforms, flatGrid(values.size, 256));
}

function uniformsOf({ size }: Tensor, { seed, stream = 0 }: RandomStream): Record<string, number> {
  assertInteger("seed", seed, 2 ** 53);
  assertInteger("stream", stream, 2 ** 32);
  return { size, stream, seedLow: seed % 2 ** 32, seedHigh: Math.floor(seed / 2 ** 32) };
}

function assertInteger(operand: string, value: number, limit: number): void {
  if (Number.isInteger(value) && value >= 0 && value < limit) return;
  const expected = `an integer in [0, 2^${Math.log2(limit)})`;
  throw new OutOfRangeError({ op: "random", operand, expected, actual: `${value}` });
}
