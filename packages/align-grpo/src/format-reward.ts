import { type Reward, type RewardOptions, reward } from "./reward.ts";

/** Options of `formatReward`. */
export interface FormatRewardOptions extends RewardOptions {
  /** The prompt ends in `<think>`, so the text begins inside it. Default false. */
  readonly opensInPrompt?: boolean;
}

/**
 * 1 when the text is `<think>...</think>` and then an answer, each tag exactly once, nothing but space before the first
 * one and something after the second (DeepSeek-R1, arXiv 2501.12948, section 2.2.2); else 0. Named `format`.
 */
export function formatReward({ name = "format", opensInPrompt = false, ...rest }: FormatRewardOptions = {}): Reward {
  const count = (text: string, tag: string): number => text.split(tag).length - 1;
  return reward(
    name,
    ({ text }) => {
      const whole = opensInPrompt ? `<think>${text}` : text;
      const once = count(whole, "<think>") === 1 && count(whole, "</think>") === 1;
      return once && /^\s*<think>.*<\/think>\s*\S/s.test(whole) ? 1 : 0;
    },
    rest,
  );
}
