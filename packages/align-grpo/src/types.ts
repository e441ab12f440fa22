/**
 * How per-token losses become one number. `grpo` (DeepSeekMath, arXiv 2402.03300, Eq. 3): mean over each completion's
 * tokens, then over completions. `dapo` (arXiv 2503.14476, Eq. 8): mean over all tokens of the optimiser step. `bnpo`: mean
 * over the tokens of each micro-batch, then over micro-batches. `dr_grpo` (arXiv 2503.20783): sum over tokens, divided by
 * completions times the most tokens that one may have.
 */
export type GrpoLossName = "grpo" | "dapo" | "bnpo" | "dr_grpo";

/** Whether each token has its own probability ratio, or a completion one: exp of its mean log-ratio (GSPO, arXiv 2507.18071). */
export type RatioLevel = "token" | "sequence";

/** What the loss, the sampling and the batches of one run must agree on: give the same object to model and rollouts. */
export interface GrpoSettings {
  /** Default `grpo`. */
  readonly loss?: GrpoLossName;
  /** Weight of the KL term to the reference policy; 0, the default, asks for no reference. */
  readonly beta?: number;
  /** What logits are divided by, in sampling and in the loss. Default 1. */
  readonly temperature?: number;
}

/** Names of all losses. */
export const GRPO_LOSSES: readonly GrpoLossName[] = ["grpo", "dapo", "bnpo", "dr_grpo"];
