import type { DeepseekConfig } from "./config.ts";

/** What values a key of config.json may have. */
export interface ConfigField {
  readonly name: keyof DeepseekConfig;
  readonly type: "integer" | "number" | "boolean";
  /** Smallest value; numbers must be above 0 instead. */
  readonly min?: number;
  /** What `null` in the file means; without it, null is refused. */
  readonly whenNull?: number | null;
  /** The value of an absent key; without it, the key is required. */
  readonly whenAbsent?: number | boolean | null;
}

const integer = (name: keyof DeepseekConfig, min: number): ConfigField => ({ name, type: "integer", min });
const tokenId = (name: keyof DeepseekConfig): ConfigField => ({
  ...integer(name, 0),
  whenNull: null,
  whenAbsent: null,
});

/** Keys of config.json that become fields of a config, in the order of the released file. Rope keys are read apart. */
export const CONFIG_FIELDS: Readonly<Record<string, ConfigField>> = {
  vocab_size: integer("vocabSize", 1),
  hidden_size: integer("hiddenSize", 1),
  intermediate_size: integer("intermediateSize", 1),
  moe_intermediate_size: integer("moeIntermediateSize", 1),
  num_hidden_layers: integer("numHiddenLayers", 1),
  num_nextn_predict_layers: { ...integer("numNextnPredictLayers", 0), whenAbsent: 0 },
  num_attention_heads: integer("numAttentionHeads", 1),
  n_shared_experts: { ...integer("nSharedExperts", 0), whenNull: 0 },
  n_routed_experts: integer("nRoutedExperts", 1),
  routed_scaling_factor: { name: "routedScalingFactor", type: "number" },
  kv_lora_rank: integer("kvLoraRank", 1),
  q_lora_rank: { ...integer("qLoraRank", 1), whenNull: null },
  qk_rope_head_dim: integer("qkRopeHeadDim", 2),
  v_head_dim: integer("vHeadDim", 1),
  qk_nope_head_dim: integer("qkNopeHeadDim", 1),
  n_group: integer("nGroup", 1),
  topk_group: integer("topkGroup", 1),
  num_experts_per_tok: integer("numExpertsPerTok", 1),
  first_k_dense_replace: integer("firstKDenseReplace", 0),
  norm_topk_prob: { name: "normTopkProb", type: "boolean", whenAbsent: true },
  max_position_embeddings: integer("maxPositionEmbeddings", 1),
  initializer_range: { name: "initializerRange", type: "number", whenAbsent: 0.02 },
  rms_norm_eps: { name: "rmsNormEps", type: "number", whenAbsent: 1e-6 },
  bos_token_id: tokenId("bosTokenId"),
  eos_token_id: tokenId("eosTokenId"),
  pad_token_id: tokenId("padTokenId"),
};

/** Keys whose one supported value is built in: any other is refused. Absent means this value. */
export const FIXED_KEYS: Readonly<Record<string, unknown>> = {
  model_type: "deepseek_v3",
  hidden_act: "silu",
  scoring_func: "sigmoid",
  topk_method: "noaux_tc",
  moe_layer_freq: 1,
  attention_bias: false,
  attention_dropout: 0,
  rope_interleave: true,
  tie_word_embeddings: false,
};

/** Keys that say nothing about the model's mathematics: accepted and not kept. */
export const IGNORED_KEYS: readonly string[] = [
  "_attn_implementation",
  "_name_or_path",
  "architectures",
  "auto_map",
  "aux_loss_alpha",
  "chunk_size_feed_forward",
  "dtype",
  "ep_size",
  "head_dim",
  "id2label",
  "is_encoder_decoder",
  "label2id",
  "output_attentions",
  "output_hidden_states",
  "pretraining_tp",
  "problem_type",
  "return_dict",
  "seq_aux",
  "torch_dtype",
  "transformers_version",
  "use_cache",
];

/** Keys that are read by a rule of their own. */
export const SPECIAL_KEYS: readonly string[] = [
  "num_key_value_heads",
  "qk_head_dim",
  "quantization_config",
  "rope_parameters",
  "rope_scaling",
  "rope_theta",
];
