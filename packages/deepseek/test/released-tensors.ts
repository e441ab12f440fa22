/*
 * Checkpoints in FP8 as DeepSeek released them, made from random codes, and what they mean, written from the definitions
 * (OCP 8-bit floats; README_WEIGHTS.md of DeepSeek-V3): nothing of the code under test.
 */
import { bf16ToF32, f32ToBf16, type SafetensorsInput, type SafetensorsTensor } from "@ds3/tensor/safetensors";
import { normals } from "@ds3/testing/reference";
import { expect } from "vitest";
import { checkpointTensors } from "../src/checkpoint-names.ts";
import { type DeepseekConfig, deepseekV3 } from "../src/index.ts";

/** Matrices of several blocks, most with ragged ones. */
export const blockyConfig: DeepseekConfig = deepseekV3("tiny", {
  vocabSize: 40,
  hiddenSize: 160,
  intermediateSize: 200,
  moeIntermediateSize: 136,
  numHiddenLayers: 2,
  nRoutedExperts: 2,
  nGroup: 1,
  topkGroup: 1,
  numExpertsPerTok: 1,
  qLoraRank: 64,
  kvLoraRank: 64,
  numAttentionHeads: 2,
  maxPositionEmbeddings: 64,
  initializerRange: 0.1,
});

/** The value of an e4m3 code: 4 exponent bits with bias 7, 3 of significand, no infinity. */
export function valueOfCode(code: number): number {
  const [sign, exponent, significand] = [code >> 7 ? -1 : 1, (code >> 3) & 15, code & 7];
  if (exponent === 15 && significand === 7) return Number.NaN;
  return sign * (exponent === 0 ? (significand / 8) * 2 ** -6 : (1 + significand / 8) * 2 ** (exponent - 7));
}

/** Code times scale of its block of 128 x 128, one f32 product. */
export function dequantizedByDefinition(codes: Uint8Array, scales: Float32Array, columns: number): Float32Array {
  const across = Math.ceil(columns / 128);
  return Float32Array.from(codes, (code, i) => {
    const block = Math.floor(Math.floor(i / columns) / 128) * across + Math.floor((i % columns) / 128);
    return valueOfCode(code) * scales[block]!;
  });
}

/** True for the tensors that the release has in FP8: all projections of the layers but `eh_proj`. */
export function isReleasedInFp8(name: string): boolean {
  return /_proj(_with_mqa)?\.weight$/.test(name) && !name.endsWith("eh_proj.weight");
}

/** Tensors and values, by name. */
export interface Released {
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly values: Map<string, Float32Array>;
}

/** A checkpoint of `config` with random codes and scales. */
export function releasedTensors(config: DeepseekConfig, seed = 1): Released {
  const entries: SafetensorsInput[] = [];
  const values = new Map<string, Float32Array>();
  const wanted = checkpointTensors(config);
  for (const { name, shape, copyOf } of wanted) {
    const count = shape.reduce((a, b) => a * b, 1);
    const place = wanted.findIndex((tensor) => tensor.name === (copyOf ?? name));
    const random = Float32Array.from(normals(count, seed * 1000 + place));
    if (isReleasedInFp8(name)) {
      const [rows, columns] = shape as [number, number];
      const blocks = [Math.ceil(rows / 128), Math.ceil(columns / 128)] as const;
      const codes = Uint8Array.from(random, (x) => Math.min(126, Math.abs(x) * 60) | (x < 0 ? 0x80 : 0));
      const factors = normals(blocks[0] * blocks[1], seed + place);
      const scales = Float32Array.from(factors, (x) => 1e-4 * (1 + Math.abs(x)));
      entries.push({ name, dtype: "F8_E4M3", shape, data: codes });
      entries.push({ name: `${name}_scale_inv`, dtype: "F32", shape: blocks, data: scales });
      values.set(name, dequantizedByDefinition(codes, scales, columns));
    } else if (name.endsWith("e_score_correction_bias")) {
      entries.push({ name, dtype: "F32", shape, data: random });
      values.set(name, random);
    } else {
      const halves = f32ToBf16(random);
      entries.push({ name, dtype: "BF16", shape, data: halves });
      values.set(name, bf16ToF32(halves));
    }
  }
  return { tensors: asTensors(entries), values };
}

function asTensors(entries: readonly SafetensorsInput[]): Map<string, SafetensorsTensor> {
  return new Map(
    entries.map(({ name, dtype, shape, data }) => [
      name,
      { dtype, shape, data, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) } as SafetensorsTensor,
    ]),
  );
}

/** Fails naming the first element that differs; a deep comparison of as many would take minutes to print. */
export function expectSame(got: ArrayLike<number>, want: ArrayLike<number>, name = "values"): void {
  const at = Array.prototype.findIndex.call(want, (value, i) => !Object.is(got[i], value));
  expect([name, got.length, at, got[at]]).toEqual([name, want.length, -1, undefined]);
}
