/** How tokens choose experts; names are config.json's keys in camelCase. */
export interface RouterConfig {
  readonly nRoutedExperts: number;
  readonly numExpertsPerTok: number;
  /** Groups of neighbouring experts (the report's nodes); 1: no groups. */
  readonly nGroup: number;
  /** Groups that a token may choose from. */
  readonly topkGroup: number;
  /** Combine weights are divided by their sum. */
  readonly normTopkProb: boolean;
  readonly routedScalingFactor: number;
}

/** Sizes of a mixture-of-experts layer. */
export interface MoeConfig extends RouterConfig {
  readonly hiddenSize: number;
  readonly moeIntermediateSize: number;
  /** Always-active experts, held as one network of nSharedExperts * moeIntermediateSize; 0: none. */
  readonly nSharedExperts: number;
}

/**
 * What the sequence-wise balance loss counts as chosen: `literal`, the top K of the unbiased scores as the report's
 * Eq. 18 is written, or `selected`, the experts that the router really took (bias and groups included).
 */
export type BalanceTopk = "literal" | "selected";
