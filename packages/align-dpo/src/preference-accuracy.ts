import { ConfigError } from "@ds3/errors";
import type { Policy } from "@ds3/trainer";
import { type PairLogProbsOptions, pairLogProbs } from "./pair-log-probs.ts";
import type { PreferencePair } from "./types.ts";

/** Options of `preferenceAccuracy`. */
export interface PreferenceAccuracyOptions extends PairLogProbsOptions {
  /**
   * What is compared: the mean log-prob a token (default), so that the shorter completion has no advantage, or the sum
   * over the completion, its probability.
   */
  readonly by?: "token" | "sequence";
}

/** Share of pairs that a policy orders as they are labelled. */
export interface PreferenceAccuracy {
  readonly accuracy: number;
  /** Pairs. */
  readonly n: number;
}

/**
 * Share of pairs whose chosen completion has the higher log-prob under the policy; equal ones do not count. It needs no
 * reference: unlike the accuracy that training logs, it says what the policy prefers, not how it changed.
 *
 * @throws EmptyDataError for no pairs or a part without tokens; NonFiniteError; ConfigError for another `by`.
 */
export async function preferenceAccuracy(
  policy: Policy,
  pairs: readonly PreferencePair[],
  options: PreferenceAccuracyOptions = {},
): Promise<PreferenceAccuracy> {
  const { by = "token", ...rest } = options;
  const op = "preferenceAccuracy";
  if (by !== "token" && by !== "sequence") {
    throw new ConfigError({ op, operand: "by", expected: '"token" or "sequence"', actual: JSON.stringify(by) });
  }
  const { chosen, rejected } = await pairLogProbs(op, policy, pairs, rest);
  const score = (sum: number, { length }: Int32Array): number => (by === "token" ? sum / length : sum);
  const right = pairs.filter((pair, p) => score(chosen[p]!, pair.chosen) > score(rejected[p]!, pair.rejected)).length;
  return { accuracy: right / pairs.length, n: pairs.length };
}
