import { OutOfRangeError } from "@ds3/errors";
import { type Reward, type RewardOptions, reward } from "./reward.ts";

/** Options of `softOverlongReward`. */
export interface SoftOverlongRewardOptions extends RewardOptions {
  /** Longest completion, in tokens. */
  readonly maxTokens: number;
  /** The last so many of them cost. */
  readonly buffer: number;
}

/**
 * DAPO's soft overlong punishment (arXiv 2503.14476, Eq. 13): 0 up to maxTokens - buffer tokens, then falling in a straight
 * line to -1 at maxTokens, and -1 beyond. Named `overlong`.
 *
 * @throws OutOfRangeError unless 0 < buffer <= maxTokens.
 */
export function softOverlongReward(options: SoftOverlongRewardOptions): Reward {
  const { name = "overlong", maxTokens, buffer, ...rest } = options;
  if (!(buffer > 0 && buffer <= maxTokens && Number.isFinite(maxTokens))) {
    const actual = `buffer ${buffer}, maxTokens ${maxTokens}`;
    throw new OutOfRangeError({
      op: "softOverlongReward",
      operand: "buffer",
      expected: "0 < buffer <= maxTokens",
      actual,
    });
  }
  const free = maxTokens - buffer;
  return reward(name, ({ tokens }) => -Math.min(1, Math.max(0, tokens.length - free) / buffer) + 0, rest);
}
