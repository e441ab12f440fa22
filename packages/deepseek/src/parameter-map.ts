/*
 * Where each tensor of a released checkpoint lives in the model's memory. Projections that read the same input are one
 * parameter here (one product instead of two or E), so a checkpoint tensor is a run of elements inside a parameter.
 */
import { checkpointTensors, type ModelParts } from "./checkpoint-names.ts";
import type { DeepseekConfig } from "./config.ts";

/** A checkpoint tensor's place: `offset` elements into the parameter or state of that name. */
export interface TensorPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parameter: string;
  readonly offset: number;
  /** Stored a second time under a multi-token prediction layer: written on save, compared on load. */
  readonly isCopy: boolean;
}

/** The place of every tensor of a checkpoint of this config, in checkpoint order. */
export function parameterMap(config: DeepseekConfig, parts: ModelParts = {}): TensorPlace[] {
  return checkpointTensors(config, parts).map(({ name, shape, layer, copyOf }) => {
    const suffix = layer === undefined ? name : name.slice(`model.layers.${layer}.`.length);
    const [parameter, offset] = copyOf ? TOP[copyOf]! : layer === undefined ? TOP[name]! : placeInLayer(config, suffix);
    const prefix = layer === undefined || copyOf ? "" : `layers.${layer}.`;
    return { name, shape, parameter: prefix + parameter, offset, isCopy: copyOf !== undefined };
  });
}

type Place = readonly [parameter: string, offset: number];

const TOP: Readonly<Record<string, Place>> = {
  "model.embed_tokens.weight": ["embed", 0],
  "model.norm.weight": ["norm", 0],
  "lm_head.weight": ["head", 0],
  "score.weight": ["score", 0],
};

/** Tensors that are a whole parameter. */
const WHOLE: Readonly<Record<string, string>> = {
  "input_layernorm.weight": "inputNorm",
  "post_attention_layernorm.weight": "postAttentionNorm",
  "self_attn.q_proj.weight": "attention.qkvA",
  "self_attn.q_a_proj.weight": "attention.qkvA",
  "self_attn.q_a_layernorm.weight": "attention.qNorm",
  "self_attn.q_b_proj.weight": "attention.qB",
  "self_attn.kv_a_layernorm.weight": "attention.kvNorm",
  "self_attn.kv_b_proj.weight": "attention.kvB",
  "self_attn.o_proj.weight": "attention.o",
  "mlp.gate_proj.weight": "mlp.gateUp",
  "mlp.down_proj.weight": "mlp.down",
  "mlp.gate.weight": "moe.gate",
  "mlp.gate.e_score_correction_bias": "moe.bias",
  "mlp.shared_experts.gate_proj.weight": "moe.sharedGateUp",
  "mlp.shared_experts.down_proj.weight": "moe.sharedDown",
  "enorm.weight": "mtp.enorm",
  "hnorm.weight": "mtp.hnorm",
  "eh_proj.weight": "mtp.ehProj",
  "shared_head.norm.weight": "mtp.sharedHeadNorm",
};

function placeInLayer(config: DeepseekConfig, suffix: string): Place {
  const { hiddenSize: D, intermediateSize, moeIntermediateSize: F, nSharedExperts } = config;
  const whole = WHOLE[suffix];
  if (whole) return [whole, 0];
  if (suffix === "self_attn.kv_a_proj_with_mqa.weight") return ["attention.qkvA", queryRows(config) * D];
  if (suffix === "mlp.up_proj.weight") return ["mlp.gateUp", intermediateSize * D];
  if (suffix === "mlp.shared_experts.up_proj.weight") return ["moe.sharedGateUp", nSharedExperts * F * D];
  const [, expert, projection] = /^mlp\.experts\.(\d+)\.(gate|up|down)_proj\.weight$/.exec(suffix)!;
  const e = Number(expert);
  if (projection === "down") return ["moe.expertsDown", e * D * F];
  return ["moe.expertsGateUp", (e * 2 + (projection === "up" ? 1 : 0)) * F * D];
}

/** Rows of `qkvA` that are the query's: its latent, or all heads when there is none. */
function queryRows({ qLoraRank, numAttentionHeads, qkNopeHeadDim, qkRopeHeadDim }: DeepseekConfig): number {
  return qLoraRank ?? numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim);
}
