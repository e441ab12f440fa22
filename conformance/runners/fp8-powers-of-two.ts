import { decodeUe8m0, encodeUe8m0, quantize } from "@ds3/fp8";
import { decodeUe8m0 as decodeUe8m0OnCpu, encodeUe8m0 as encodeUe8m0OnCpu, roundUpToPowerOfTwo } from "@ds3/fp8-codec";
import type { Gpu } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import type { Results } from "../topic.ts";
import { bytesOf } from "./quantized-matrices.ts";

/** The largest value of e4m3fn, by which a tile's largest magnitude is divided. */
const MAX = 448;
/** The least tile that `quantize` is told to have; below it scales are not those of the elements. */
const FLOOR = 2 ** -100;

/** Scales rounded up to powers of two, and their bytes. */
export function addPowersOfTwo(results: Results, gpu: Gpu, fixture: Fixture): void {
  const scales = fixture.tensor("scale").data as Float32Array;
  const onCpu = encodeUe8m0OnCpu(scales);
  results.add("scale_ue8m0", "roundUpToPowerOfTwo", roundUpToPowerOfTwo(scales));
  results.add("code", "encodeUe8m0 on the CPU", onCpu);
  results.add("scale_ue8m0", "decodeUe8m0 of encodeUe8m0 on the CPU", decodeUe8m0OnCpu(onCpu));

  const bytes = encodeUe8m0(gpu.tensor(scales, [1, scales.length], "f32", "scales"));
  results.add("code", "encodeUe8m0", bytesOf(bytes, 1, scales.length));
  results.add("scale_ue8m0", "decodeUe8m0 of encodeUe8m0", decodeUe8m0(bytes, scales.length).data());
  addQuantized(results, gpu, scales);
}

/** Scales are rounded where tiles are quantised, too: one element a tile, of those that give a scale exactly. */
function addQuantized(results: Results, gpu: Gpu, scales: Float32Array): void {
  const elements = Array.from(scales, elementOf);
  const at = [...elements.keys()].filter((i) => elements[i] !== undefined);
  const x = Float32Array.from(at, (i) => elements[i]!);
  if (at.length === 0) return;
  const rows = gpu.tensor(x, [at.length, 1], "f32", "x");
  const rounded = quantize(rows, { tiling: "row", scales: "powerOfTwo", floor: FLOOR }).scales;
  results.add("scale_ue8m0", "quantize", rounded.data(), at);
  results.add("code", "encodeUe8m0 of quantize", bytesOf(encodeUe8m0(rounded), at.length, 1), at);
}

/** An f32 number that divided by 448 in f32 is `scale`, if there is one that `quantize` takes as it is. */
function elementOf(scale: number): number | undefined {
  const near = Float32Array.of(scale * MAX);
  const bits = new Uint32Array(near.buffer);
  const nearest = bits[0]!;
  for (const step of [0, 1, -1]) {
    bits[0] = nearest + step;
    const element = near[0]!;
    if (element >= FLOOR && Number.isFinite(element) && Math.fround(element / MAX) === scale) return element;
  }
  return undefined;
}
