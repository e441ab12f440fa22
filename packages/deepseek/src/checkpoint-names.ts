import type { DeepseekConfig } from "./config.ts";

/**
 * What a tensor of a checkpoint is: `matrix` (decayed by AdamW), `norm` (a vector of scales, not decayed), `embedding`,
 * `expert` (a matrix of one routed expert), `buffer` (the router's bias: moved by the balancing rule, not by gradients) or
 * `copy` (stored a second time under a multi-token prediction layer; not a parameter of its own).
 */
export type TensorKind = "embedding" | "matrix" | "expert" | "norm" | "buffer" | "copy";

/** One tensor of a checkpoint in the released layout. */
export interface CheckpointTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: TensorKind;
  /** Number in `model.layers.N`, absent outside the layers. Multi-token prediction layers follow the main ones. */
  readonly layer?: number;
  /** The tensor that a `copy` repeats. */
  readonly copyOf?: string;
}

type Part = readonly [suffix: string, shape: readonly number[], kind?: TensorKind];

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";
/** Name of the score head's tensor. */
export const SCORE = "score.weight";

/** What a model may have beside the released layout. */
export interface ModelParts {
  /** A head of one number a token, `score.weight` [1, hiddenSize], as Hugging Face's classes for classification. */
  readonly scoreHead?: boolean;
}

/**
 * Every tensor of a checkpoint of `config`, in the released layout and in the order of the model: per-expert matrices
 * [out, in], `e_score_correction_bias`, and multi-token prediction depth k at `model.layers.{num_hidden_layers + k - 1}`
 * with its copies of embedding and head.
 */
export function checkpointTensors(config: DeepseekConfig, { scoreHead = false }: ModelParts = {}): CheckpointTensor[] {
  const { hiddenSize: D, vocabSize: V, numHiddenLayers, numNextnPredictLayers } = config;
  const tensors: CheckpointTensor[] = [{ name: EMBEDDING, shape: [V, D], kind: "embedding" }];
  for (let layer = 0; layer < numHiddenLayers + numNextnPredictLayers; layer++) {
    const parts = layer < numHiddenLayers ? blockParts(config, layer) : mtpParts(config, layer);
    for (const [suffix, shape, kind = "matrix"] of parts) {
      const copyOf = kind === "copy" ? { copyOf: suffix === "embed_tokens.weight" ? EMBEDDING : HEAD } : {};
      tensors.push({ name: `model.layers.${layer}.${suffix}`, shape, kind, layer, ...copyOf });
    }
  }
  tensors.push({ name: "model.norm.weight", shape: [D], kind: "norm" }, { name: HEAD, shape: [V, D], kind: "matrix" });
  if (scoreHead) tensors.push({ name: SCORE, shape: [1, D], kind: "matrix" });
  return tensors;
}

function mtpParts(config: DeepseekConfig, layer: number): Part[] {
  const { hiddenSize: D, vocabSize: V } = config;
  return [
    ["embed_tokens.weight", [V, D], "copy"],
    ["enorm.weight", [D], "norm"],
    ["hnorm.weight", [D], "norm"],
    ["eh_proj.weight", [D, 2 * D]],
    ...blockParts(config, layer),
    ["shared_head.norm.weight", [D], "norm"],
    ["shared_head.head.weight", [V, D], "copy"],
  ];
}

function blockParts(config: DeepseekConfig, layer: number): Part[] {
  const { hiddenSize: D, intermediateSize, firstKDenseReplace } = config;
  return [
    ["input_layernorm.weight", [D], "norm"],
    ...attentionParts(config),
    ["post_attention_layernorm.weight", [D], "norm"],
    ...(layer < firstKDenseReplace ? mlpParts("mlp", D, intermediateSize) : moeParts(config)),
  ];
}

function attentionParts(config: DeepseekConfig): Part[] {
  const { hiddenSize: D, numAttentionHeads: N, qLoraRank, kvLoraRank, qkNopeHeadDim, qkRopeHeadDim, vHeadDim } = config;
  const queries = N * (qkNopeHeadDim + qkRopeHeadDim);
  const queryParts: Part[] =
    qLoraRank === null
      ? [["self_attn.q_proj.weight", [queries, D]]]
      : [
          ["self_attn.q_a_proj.weight", [qLoraRank, D]],
          ["self_attn.q_a_layernorm.weight", [qLoraRank], "norm"],
          ["self_attn.q_b_proj.weight", [queries, qLoraRank]],
        ];
  return [
    ...queryParts,
    ["self_attn.kv_a_proj_with_mqa.weight", [kvLoraRank + qkRopeHeadDim, D]],
    ["self_attn.kv_a_layernorm.weight", [kvLoraRank], "norm"],
    ["self_attn.kv_b_proj.weight", [N * (qkNopeHeadDim + vHeadDim), kvLoraRank]],
    ["self_attn.o_proj.weight", [D, N * vHeadDim]],
  ];
}

function moeParts(config: DeepseekConfig): Part[] {
  const { hiddenSize: D, nRoutedExperts: E, moeIntermediateSize: F, nSharedExperts } = config;
  const experts = Array.from({ length: E }, (_, e) => mlpParts(`mlp.experts.${e}`, D, F, "expert"));
  return [
    ["mlp.gate.weight", [E, D]],
    ["mlp.gate.e_score_correction_bias", [E], "buffer"],
    ...experts.flat(),
    ...(nSharedExperts === 0 ? [] : mlpParts("mlp.shared_experts", D, F * nSharedExperts)),
  ];
}

function mlpParts(prefix: string, D: number, F: number, kind: TensorKind = "matrix"): Part[] {
  return [
    [`${prefix}.gate_proj.weight`, [F, D], kind],
    [`${prefix}.up_proj.weight`, [F, D], kind],
    [`${prefix}.down_proj.weight`, [D, F], kind],
  ];
}
