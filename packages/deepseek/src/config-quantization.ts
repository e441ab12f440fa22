/*
 * The key quantization_config of config.json, which released FP8 checkpoints have: how weights are stored. Nothing of it
 * is kept in a config: which weights are quantised is seen from their element types, and the layout is always this one.
 */
import { didYouMean } from "@ds3/errors";
import { isJsonObject, type Json, refuse } from "./config-error.ts";

const KEY = "quantization_config";
const RELEASED = { activation_scheme: "dynamic", fmt: "e4m3", quant_method: "fp8", weight_block_size: [128, 128] };

/** The keys that must have one value, the values they may have; undefined: the key may be absent. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  quant_method: ["fp8"],
  weight_block_size: [[128, 128]],
  fmt: ["e4m3", undefined],
  activation_scheme: ["dynamic", undefined],
  scale_fmt: ["ue8m0", "float", null, undefined],
};
/** Keys about other programs' loading: the weights' own element types say what is quantised. */
const IGNORED = ["dequantize", "modules_to_not_convert", "modules_to_convert", "ignored_layers"];
const KNOWN = [...Object.keys(VALUES), ...IGNORED];

/**
 * Check that weights are stored as DeepSeek-V3's: e4m3 codes with a scale for each block of 128 x 128.
 *
 * @throws ConfigError naming the key within quantization_config, for any other method, format or size of blocks.
 */
export function checkQuantization(value: unknown): void {
  if (value === undefined || value === null) return;
  if (!isJsonObject(value)) refuse(KEY, "an object, or null for weights that are not quantised", value);
  for (const key of Object.keys(value)) {
    if (!KNOWN.includes(key)) refuse(`${KEY}.${key}`, "a known key", value[key], didYouMean(key, KNOWN));
  }
  for (const [key, allowed] of Object.entries(VALUES)) {
    if (allowed.some((one) => JSON.stringify(one) === JSON.stringify(value[key]))) continue;
    const hint =
      "Only DeepSeek-V3's FP8 layout is read. Convert the weights to bfloat16 and remove quantization_config.";
    refuse(`${KEY}.${key}`, JSON.stringify(allowed[0]), value[key], hint);
  }
}

/** What a saved checkpoint's config.json says; `scale_fmt` as DeepSeek-V3.1 writes it for powers of two. */
export function quantizationToJson(scales: "f32" | "powerOfTwo"): Json {
  return scales === "f32" ? RELEASED : { ...RELEASED, scale_fmt: "ue8m0" };
}
