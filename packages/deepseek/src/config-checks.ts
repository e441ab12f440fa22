import type { DeepseekConfig } from "./config.ts";
import { refuse } from "./config-error.ts";

/**
 * Refuse a config whose fields contradict each other.
 *
 * @throws ConfigError naming the key, its value and the nearest valid one.
 */
export function checkConfig(config: DeepseekConfig): void {
  checkExperts(config);
  if (config.qkRopeHeadDim % 2 !== 0) {
    const [below, above] = [config.qkRopeHeadDim - 1, config.qkRopeHeadDim + 1];
    refuse("qk_rope_head_dim", "an even number: rotation turns pairs", config.qkRopeHeadDim, nearestTo(below, above));
  }
  if (config.firstKDenseReplace > config.numHiddenLayers) {
    const { numHiddenLayers: layers } = config;
    refuse(
      "first_k_dense_replace",
      `at most num_hidden_layers, ${layers}`,
      config.firstKDenseReplace,
      nearestTo(layers),
    );
  }
  for (const [key, id] of [
    ["bos_token_id", config.bosTokenId],
    ["eos_token_id", config.eosTokenId],
    ["pad_token_id", config.padTokenId],
  ] as const) {
    if (id !== null && id >= config.vocabSize) {
      refuse(key, `below vocab_size, ${config.vocabSize}`, id, nearestTo(config.vocabSize - 1));
    }
  }
}

function checkExperts({ nRoutedExperts: E, nGroup, topkGroup, numExpertsPerTok: K }: DeepseekConfig): void {
  if (E % nGroup !== 0) {
    const divisors = Array.from({ length: E }, (_, i) => i + 1).filter((candidate) => E % candidate === 0);
    const below = divisors.filter((divisor) => divisor < nGroup).at(-1);
    const above = divisors.find((divisor) => divisor > nGroup);
    refuse("n_group", `a divisor of n_routed_experts, ${E}`, nGroup, nearestTo(below, above));
  }
  if (topkGroup > nGroup) refuse("topk_group", `at most n_group, ${nGroup}`, topkGroup, nearestTo(nGroup));
  const reachable = (E / nGroup) * topkGroup;
  if (K > reachable) {
    const where = `at most ${reachable}, the experts in topk_group ${topkGroup} of n_group ${nGroup} groups`;
    refuse("num_experts_per_tok", where, K, nearestTo(reachable));
  }
}

function nearestTo(...values: (number | undefined)[]): string {
  return `Nearest valid: ${values.filter((value) => value !== undefined).join(" or ")}.`;
}
