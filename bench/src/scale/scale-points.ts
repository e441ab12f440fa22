import { type DeepseekConfig, deepseekV3 } from "@ds3/deepseek";

/** Tokens of every timed step: sequences of another length are another number of rows. */
export const TOKENS_PER_STEP = 2048;

/** Sequence lengths, shortest first. */
export const LENGTHS: readonly number[] = [256, 512, 1024, 2048];

/** Model sizes, smallest first, alike in shape: `tiny` without its prediction module, `mini`, one between, one above. */
export const SIZES: Readonly<Record<string, DeepseekConfig>> = {
  tiny: deepseekV3("tiny", { numNextnPredictLayers: 0, maxPositionEmbeddings: 2048 }),
  small: deepseekV3("mini", {
    hiddenSize: 128,
    intermediateSize: 256,
    moeIntermediateSize: 64,
    numHiddenLayers: 4,
    numAttentionHeads: 4,
    qLoraRank: 64,
    kvLoraRank: 48,
  }),
  mini: deepseekV3("mini"),
  base: deepseekV3("mini", {
    hiddenSize: 384,
    intermediateSize: 1024,
    moeIntermediateSize: 256,
    numHiddenLayers: 8,
    numAttentionHeads: 12,
    qLoraRank: 192,
    kvLoraRank: 128,
  }),
};

/** One model size at one sequence length, each block recomputed in backward or not. */
export interface ScalePoint {
  readonly size: string;
  readonly length: number;
  readonly checkpoint: "none" | "block";
}

/** What a point is called among the figures: `scale.mini.1024`, with checkpoints `scale.mini.1024.checkpoint`. */
export function pointName({ size, length, checkpoint }: ScalePoint): string {
  return `scale.${size}.${length}${checkpoint === "block" ? ".checkpoint" : ""}`;
}

/** All points: by size, then without and with checkpoints, then by length. */
export function scalePoints(): ScalePoint[] {
  return Object.keys(SIZES).flatMap((size) =>
    (["none", "block"] as const).flatMap((checkpoint) => LENGTHS.map((length) => ({ size, length, checkpoint }))),
  );
}
