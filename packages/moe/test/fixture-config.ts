import type { MoeConfig } from "../src/types.ts";

/** A MoE config from a fixture's snake_case keys; a router fixture lacks the experts' sizes. */
export function moeConfigOf(json: Readonly<Record<string, unknown>>): MoeConfig {
  return {
    hiddenSize: json.hidden_size as number,
    moeIntermediateSize: (json.moe_intermediate_size as number) ?? 0,
    nSharedExperts: (json.n_shared_experts as number) ?? 0,
    nRoutedExperts: json.n_routed_experts as number,
    numExpertsPerTok: json.num_experts_per_tok as number,
    nGroup: json.n_group as number,
    topkGroup: json.topk_group as number,
    normTopkProb: json.norm_topk_prob as boolean,
    routedScalingFactor: json.routed_scaling_factor as number,
  };
}
