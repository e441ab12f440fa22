import { FormatError } from "@ds3/errors";
import type { SafetensorsTensor } from "@ds3/tensor/safetensors";
import { expect, test } from "vitest";
import { blockyConfig, expectSame, releasedTensors } from "../test/released-tensors.ts";
import { CheckpointError } from "./check-strict.ts";
import { readParameters } from "./model-files.ts";
import { parameterMap } from "./parameter-map.ts";

const config = blockyConfig;
const UP = "model.layers.0.mlp.up_proj.weight"; // [200, 160]: blocks [2, 2]
const SCALE = `${UP}_scale_inv`;

/** A good checkpoint with one tensor changed, or without it. */
function changed(name: string, change: Partial<SafetensorsTensor> | undefined): Map<string, SafetensorsTensor> {
  const { tensors } = releasedTensors(config);
  if (change === undefined) tensors.delete(name);
  else tensors.set(name, { ...tensors.get(name)!, ...change });
  return tensors;
}

/** The data of a good tensor with element `at` replaced. */
function withElement(name: string, at: number, value: number): Partial<SafetensorsTensor> {
  const data = (releasedTensors(config).tensors.get(name)!.data as Float32Array | Uint8Array).slice();
  data[at] = value;
  return { data };
}

test("every weight is code times its block's scale, ragged blocks of 128 included", () => {
  const { tensors, values } = releasedTensors(config);
  const parameters = readParameters(config, tensors);
  for (const { name, parameter, offset, shape } of parameterMap(config)) {
    const size = shape.reduce((a, b) => a * b, 1);
    expectSame(parameters.get(parameter)!.subarray(offset, offset + size), values.get(name)!, name);
  }
});

test.each<[string, Map<string, SafetensorsTensor>, RegExp]>([
  ["no scales", changed(SCALE, undefined), /1 missing: .*up_proj.weight_scale_inv\. Weights in FP8 need their block/],
  [
    "scales of other blocks",
    changed(SCALE, { shape: [4, 3], data: new Float32Array(12) }),
    /1 misshaped: .*up_proj.weight_scale_inv \[4,3\], expected \[2,2\]\. .*128 x 128/,
  ],
  [
    "scales of a weight that has none",
    changed(UP, { dtype: "BF16", data: new Uint16Array(200 * 160) }),
    /1 extra: .*up_proj.weight_scale_inv\. Block scales belong to weights in FP8/,
  ],
  ["no weight to the scales", changed(UP, undefined), /1 missing: .*up_proj.weight; 1 extra: .*_scale_inv\./],
  ["a weight of another shape", changed(UP, { shape: [160, 200] }), /misshaped: .*\[160,200\], expected \[200,160\]/],
])("%s: a CheckpointError", (_, tensors, message) => {
  expect(() => readParameters(config, tensors)).toThrow(CheckpointError);
  expect(() => readParameters(config, tensors)).toThrow(message);
});

test.each<[string, Map<string, SafetensorsTensor>, RegExp]>([
  ["scales in BF16", changed(SCALE, { dtype: "BF16", data: new Uint16Array(4) }), /_scale_inv: expected F32, got BF16/],
  ["a NaN scale", changed(SCALE, withElement(SCALE, 3, Number.NaN)), /_scale_inv\[1, 1\]: expected .*, got NaN/],
  ["a negative scale", changed(SCALE, withElement(SCALE, 1, -1)), /_scale_inv\[0, 1\]: expected .* >= 0.*, got -1/],
  ["an infinite scale", changed(SCALE, withElement(SCALE, 0, Infinity)), /_scale_inv\[0, 0\]: .* got Infinity/],
  ["a scale whose products overflow", changed(SCALE, withElement(SCALE, 2, 1e36)), /_scale_inv\[1, 0\]: .*finite/],
  ["a NaN code", changed(UP, withElement(UP, 161, 0x7f)), /up_proj.weight\[1, 1\]: .* got 0x7f, NaN/],
  ["a negative NaN code", changed(UP, withElement(UP, 0, 0xff)), /up_proj.weight\[0, 0\]: .* got 0xff, NaN/],
  ["a norm in FP8", changed("model.norm.weight", { dtype: "F8_E4M3", data: new Uint8Array(160) }), /FP8 is read of ma/],
])("%s: a FormatError", (_, tensors, message) => {
  expect(() => readParameters(config, tensors)).toThrow(FormatError);
  expect(() => readParameters(config, tensors)).toThrow(message);
});

test("a weight in e5m2 is refused by name", () => {
  const tensors = changed(UP, { dtype: "F8_E5M2" });
  tensors.delete(SCALE);
  expect(() => readParameters(config, tensors)).toThrow(/up_proj.weight: expected F32.*, got F8_E5M2\. FP8 is read of/);
});

test("the largest scale that is taken gives finite values", () => {
  const largest = 2 ** 119;
  const tensors = changed(SCALE, withElement(SCALE, 0, largest));
  const values = readParameters(config, tensors).get("layers.0.mlp.gateUp")!;
  expect(values.every(Number.isFinite)).toBe(true);
  expect(values.some((value) => Math.abs(value) > 2 ** 120)).toBe(true);
});
