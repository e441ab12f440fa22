import type { YarnScaling } from "@ds3/mla";
import type { DeepseekConfig } from "./config.ts";
import type { Json } from "./config-error.ts";
import { CONFIG_FIELDS, FIXED_KEYS } from "./config-fields.ts";

/**
 * A config as config.json in the released layout (`rope_theta` beside `rope_scaling`), which transformers, vLLM and
 * `parseConfig` read back. `dtype` is that of the weights beside it, `quantization` how their matrices are stored.
 */
export function configToJson(
  config: DeepseekConfig,
  dtype: "float32" | "bfloat16" = "float32",
  quantization?: Json,
): Record<string, unknown> {
  const fields = Object.entries(CONFIG_FIELDS).map(([key, { name }]) => [key, config[name]]);
  return {
    architectures: ["DeepseekV3ForCausalLM"],
    ...FIXED_KEYS,
    ...Object.fromEntries(fields),
    num_key_value_heads: config.numAttentionHeads,
    rope_theta: config.ropeTheta,
    rope_scaling: config.ropeScaling === null ? null : scalingToJson(config.ropeScaling),
    torch_dtype: dtype,
    use_cache: true,
    ...(quantization === undefined ? {} : { quantization_config: quantization }),
  };
}

/** Keys that transformers reads as floats and refuses as whole numbers. */
const FLOAT_KEYS = [
  "routed_scaling_factor",
  "rms_norm_eps",
  "rope_theta",
  "initializer_range",
  "factor",
  "mscale",
  "mscale_all_dim",
];
const WHOLE_FLOATS = new RegExp(`^(\\s*"(?:${FLOAT_KEYS.join("|")})": -?\\d+)(,?)$`, "gm");

/** The text of config.json: floats that are whole numbers are written `1.0`, since JSON itself knows no difference. */
export function configToText(...described: Parameters<typeof configToJson>): string {
  return `${JSON.stringify(configToJson(...described), null, 2)}\n`.replace(WHOLE_FLOATS, "$1.0$2");
}

function scalingToJson(scaling: YarnScaling): Record<string, unknown> {
  return {
    type: scaling.type,
    factor: scaling.factor,
    beta_fast: scaling.betaFast,
    beta_slow: scaling.betaSlow,
    ...(scaling.mscale === undefined ? {} : { mscale: scaling.mscale }),
    ...(scaling.mscaleAllDim === undefined ? {} : { mscale_all_dim: scaling.mscaleAllDim }),
    original_max_position_embeddings: scaling.originalMaxPositionEmbeddings,
  };
}
