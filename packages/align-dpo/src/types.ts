/** Names of the losses; TRL's `loss_type`, so that settings carry over. */
export type DpoLossName =
  | "sigmoid"
  | "sigmoid_norm"
  | "hinge"
  | "ipo"
  | "robust"
  | "exo_pair"
  | "nca_pair"
  | "bco_pair"
  | "sppo_hard"
  | "apo_zero"
  | "apo_down"
  | "aot"
  | "aot_unpaired";

/** Which loss, and its scalars. */
export interface DpoLossSettings {
  /** Default `sigmoid`: DPO itself. */
  readonly loss?: DpoLossName;
  /** Strength of the pull towards the reference; tau in the IPO paper. Above 0. Default 0.1. */
  readonly beta?: number;
  /**
   * Share of pairs taken to be labelled the wrong way round, in [0, 0.5). Default 0. `sigmoid` with it is conservative
   * DPO; `robust`, `exo_pair` (which needs it above 0), `aot` and `aot_unpaired` know it, the other losses refuse it.
   */
  readonly labelSmoothing?: number;
  /**
   * Weight of the chosen completions' own negative log-likelihood, which is added to the loss: it keeps them likely while
   * the rejected ones are pushed away (Pang et al. 2024, arXiv 2404.19733, eq. 1). 0 or more. Default 0.
   *
   * Differs from the paper: the mean is over all chosen tokens of the batch, as in TRL's `sft` among other losses, not of
   * each completion's own mean.
   */
  readonly nllWeight?: number;
}

/** A prompt with a better and a worse completion, as token ids. */
export interface PreferencePair {
  readonly prompt: Int32Array;
  readonly chosen: Int32Array;
  readonly rejected: Int32Array;
}

/** Summed log-probs of every pair's completions under the reference policy, in the order of the pairs. */
export interface ReferenceLogProbs {
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
}
