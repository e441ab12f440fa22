import type { MlaConfig } from "@ds3/mla";
import type { MoeConfig } from "@ds3/moe";

/**
 * A DeepSeek-V3 model's sizes and constants: frozen plain data whose names are config.json's keys in camelCase.
 *
 * `docs/naming.md` has the paper's symbol of each. Make one with `deepseekV3(preset)` or `parseConfig(json)`, which check it.
 */
export interface DeepseekConfig extends MlaConfig, MoeConfig {
  readonly vocabSize: number;
  /** Width of the dense feed-forward networks. */
  readonly intermediateSize: number;
  /** Layers of the main model, without the multi-token prediction modules. */
  readonly numHiddenLayers: number;
  /** Multi-token prediction depth D; 0: none. */
  readonly numNextnPredictLayers: number;
  /** The first layers have a dense feed-forward network in place of experts. */
  readonly firstKDenseReplace: number;
  readonly maxPositionEmbeddings: number;
  /** Epsilon of all norms but those of MLA's latents, which keep 1e-6. */
  readonly rmsNormEps: number;
  /** Standard deviation of freshly drawn weights. */
  readonly initializerRange: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly padTokenId: number | null;
}
