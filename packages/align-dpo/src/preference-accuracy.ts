import { ConfigError } from "@ds3/errors";
import type { Policy } from "@ds3/trainer";
import { type PairLogProbsOptions, pairLogProbs } from "./pair-log-probs.ts";
import { requireReference } from "./require-reference.ts";
import type { PreferencePair, ReferenceLogProbs } from "./types.ts";

/** Options of `preferenceAccuracy`. */
export interface PreferenceAccuracyOptions extends PairLogProbsOptions {
  /**
   * What is compared: the mean log-prob a token (default), so that the shorter completion has no advantage, or the sum
   * over the completion, its probability.
   */
  readonly by?: "token" | "sequence";
  /**
   * What `computeReferenceLogProbs` gave for the same pairs: then gains over the reference are compared, the implicit
   * rewards of DPO. Under the reference itself all pairs are equal, and the accuracy is a half.
   */
  readonly reference?: ReferenceLogProbs;
}

/** Share of pairs that a policy orders as they are labelled. */
export interface PreferenceAccuracy {
  readonly accuracy: number;
  /** Pairs. */
  readonly n: number;
}

/**
 * Share of pairs whose chosen completion has the higher log-prob under the policy; of equal ones a half counts. Without a
 * reference it says what the policy prefers, with one how that has changed, which is what DPO trains.
 *
 * @throws EmptyDataError for no pairs or a part without tokens; NonFiniteError; ConfigError for another `by`; ShapeError for
 * a reference of other pairs.
 */
export async function preferenceAccuracy(
  policy: Policy,
  pairs: readonly PreferencePair[],
  options: PreferenceAccuracyOptions = {},
): Promise<PreferenceAccuracy> {
  const { by = "token", reference, ...rest } = options;
  const op = "preferenceAccuracy";
  if (by !== "token" && by !== "sequence") {
    throw new ConfigError({ op, operand: "by", expected: '"token" or "sequence"', actual: JSON.stringify(by) });
  }
  if (reference) requireReference(op, reference, pairs.length);
  const policyLogProbs = await pairLogProbs(op, policy, pairs, rest);
  const score = (which: "chosen" | "rejected", p: number): number => {
    const gain = policyLogProbs[which][p]! - (reference?.[which][p] ?? 0);
    return by === "token" ? gain / pairs[p]![which].length : gain;
  };
  const points = pairs.map((_, p): number => 0.5 + 0.5 * Math.sign(score("chosen", p) - score("rejected", p)));
  return { accuracy: points.reduce((sum, point) => sum + point, 0) / pairs.length, n: pairs.length };
}
