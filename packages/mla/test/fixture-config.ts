import type { MlaConfig, YarnScaling } from "../src/types.ts";

type Json = Readonly<Record<string, unknown>>;

/** An MLA config from a fixture's snake_case keys; a rotary fixture has those of the tables only. */
export function mlaConfigOf(json: Json): MlaConfig {
  return {
    hiddenSize: json.hidden_size as number,
    numAttentionHeads: json.num_attention_heads as number,
    qLoraRank: json.q_lora_rank as number | null,
    kvLoraRank: json.kv_lora_rank as number,
    qkNopeHeadDim: json.qk_nope_head_dim as number,
    qkRopeHeadDim: json.qk_rope_head_dim as number,
    vHeadDim: json.v_head_dim as number,
    ropeTheta: json.rope_theta as number,
    ropeScaling: yarnOf(json.rope_scaling as Json | null),
  };
}

function yarnOf(json: Json | null): YarnScaling | null {
  if (json === null) return null;
  return {
    type: "yarn",
    factor: json.factor as number,
    betaFast: json.beta_fast as number,
    betaSlow: json.beta_slow as number,
    originalMaxPositionEmbeddings: json.original_max_position_embeddings as number,
    ...(json.mscale === undefined ? {} : { mscale: json.mscale as number }),
    ...(json.mscale_all_dim === undefined ? {} : { mscaleAllDim: json.mscale_all_dim as number }),
  };
}
