import { ConfigError, didYouMean, StateError } from "@ds3/errors";
import { scalesShape } from "@ds3/fp8-codec";
import { f32ToBf16, type SafetensorsInput } from "@ds3/tensor/safetensors";
import type { Json } from "./config-error.ts";
import { quantizationToJson } from "./config-quantization.ts";
import type { TensorPlace } from "./parameter-map.ts";
import { quantizeWeight } from "./quantize-weight.ts";
import { SCALES } from "./stored-values.ts";

/** How a model's weights are written. */
export interface SaveOptions {
  /**
   * "f32", the default: exactly what the model holds. "fp8": as DeepSeek-V3 was released; the projections of attention,
   * feed-forward networks and experts in e4m3 with f32 scales of blocks of 128 x 128 (`weight_scale_inv`), all others in
   * BF16, the router's bias in F32. A file for inference and exchange: training resumes from "f32".
   */
  readonly format?: "f32" | "fp8";
  /** Scales of "fp8": any f32 number, the default, or rounded up to powers of two, as DeepSeek-V3.1's. */
  readonly scales?: "f32" | "powerOfTwo";
}

/** What config.json says of the weights, and how each is written: itself, and its scales where it has some. */
export interface StorageFormat {
  readonly dtype: "float32" | "bfloat16";
  readonly quantization?: Json;
  readonly entriesOf: (place: TensorPlace, values: Float32Array) => SafetensorsInput[];
}

/** @throws ConfigError for an unknown option or value. */
export function storageFormat(options: SaveOptions): StorageFormat {
  for (const key of Object.keys(options)) checkName(`options.${key}`, key, ["format", "scales"]);
  const { format = "f32", scales = "f32" } = options;
  checkName("format", format, ["f32", "fp8"]);
  checkName("scales", scales, ["f32", "powerOfTwo"]);
  if (format === "f32") return { dtype: "float32", entriesOf: (place, values) => [plain(place, "F32", values)] };
  return {
    dtype: "bfloat16",
    quantization: quantizationToJson(scales),
    entriesOf: (place, values) => releasedEntries(place, values, scales),
  };
}

/** From here on rounding to bf16 gives infinity: halfway between its largest number, 2^128 - 2^120, and 2^128. */
const BF16_OVERFLOW = 2 ** 128 - 2 ** 119;

/** `eh_proj` of the prediction modules is BF16 in the released files, as the head is. */
const PROJECTION = /^model\.layers\.\d+\.(self_attn|mlp)\..*_proj(_with_mqa)?\.weight$/;

function releasedEntries(place: TensorPlace, values: Float32Array, scales: "f32" | "powerOfTwo"): SafetensorsInput[] {
  const { name } = place;
  assertInRange(name, values);
  if (name.endsWith(".e_score_correction_bias")) return [plain(place, "F32", values)];
  if (!PROJECTION.test(name)) return [plain(place, "BF16", f32ToBf16(values))];
  const shape = place.shape as [number, number];
  const weight = quantizeWeight(values, shape, scales);
  return [
    plain(place, "F8_E4M3", weight.codes),
    { name: name + SCALES, dtype: "F32", shape: scalesShape(shape, "block"), data: weight.scales },
  ];
}

function plain(
  { name, shape }: TensorPlace,
  dtype: SafetensorsInput["dtype"],
  data: ArrayBufferView,
): SafetensorsInput {
  return { name, dtype, shape, data };
}

function assertInRange(name: string, values: Float32Array): void {
  // NaN fails every comparison.
  const at = values.findIndex((value) => !(Math.abs(value) < BF16_OVERFLOW));
  if (at < 0) return;
  throw new StateError({
    op: "saveCheckpoint",
    operand: `${name}, element ${at}`,
    expected: "a number that BF16 has",
    actual: `${values[at]}`,
    hint: 'Save with format "f32", or go back to a checkpoint from before training diverged.',
  });
}

function checkName(operand: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const expected = known.map((one) => `"${one}"`).join(" or ");
  const hint = didYouMean(String(name), known);
  throw new ConfigError({ op: "saveCheckpoint", operand, expected, actual: `"${name}"`, hint });
}
