/** YaRN's context extension as config.json's `rope_scaling` states it. */
export interface YarnScaling {
  readonly type: "yarn";
  /** s: extended length / original length. */
  readonly factor: number;
  /** Turns over the original length above which a pair keeps its frequency. */
  readonly betaFast: number;
  /** Turns over the original length below which a pair's frequency is divided by `factor`. */
  readonly betaSlow: number;
  readonly originalMaxPositionEmbeddings: number;
  readonly mscale?: number;
  readonly mscaleAllDim?: number;
}

/** What the rotary tables depend on. */
export interface RopeConfig {
  /** R: elements of a head that are rotated, in adjacent pairs. */
  readonly qkRopeHeadDim: number;
  readonly ropeTheta: number;
  readonly ropeScaling: YarnScaling | null;
}

/** Sizes of a multi-head latent attention layer; names are config.json's keys in camelCase. */
export interface MlaConfig extends RopeConfig {
  readonly hiddenSize: number;
  readonly numAttentionHeads: number;
  /** Width of the query latent; null projects queries straight from the hidden state. */
  readonly qLoraRank: number | null;
  readonly kvLoraRank: number;
  readonly qkNopeHeadDim: number;
  readonly vHeadDim: number;
}
