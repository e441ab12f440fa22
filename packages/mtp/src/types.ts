/**
 * Which hidden state a depth takes from the one before: `normed`, after the main model's final norm and after
 * shared_head.norm (as inference code and HF have it), or `raw`, the residual stream before those norms.
 */
export type MtpHidden = "normed" | "raw";

/**
 * What the sum of a depth's T-k losses is divided by: `T` as the report's Eq. 24 is written, or `T-k`, their mean.
 * Labels that are ignored count in neither.
 */
export type MtpLossDenominator = "T" | "T-k";

/** What all depths share. */
export interface MtpConfig {
  readonly hiddenSize: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly mtpHidden: MtpHidden;
  readonly mtpLossDenominator: MtpLossDenominator;
  /** lambda; DeepSeek-V3: 0.3, later 0.1. */
  readonly mtpLossWeight: number;
}
