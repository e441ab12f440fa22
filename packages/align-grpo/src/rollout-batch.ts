import type { Policy } from "@ds3/trainer";
import { type CompletionRows, packCompletions } from "./pack-completions.ts";
import type { RolloutPrompt } from "./reward.ts";
import type { GrpoLossName } from "./types.ts";

/** A completion with all that its updates need. Plain JSON: a run that is saved between them goes on from it. */
export interface Sample {
  /** Which of the prompts. */
  readonly prompt: number;
  readonly tokens: readonly number[];
  readonly oldLogProbs: readonly number[];
  readonly referenceLogProbs?: readonly number[];
  readonly advantage: number;
  /** Its tokens are left out of the loss. */
  readonly masked: boolean;
}

/** What batches of one rollout have in common. */
export interface BatchSettings {
  readonly loss: GrpoLossName;
  readonly temperature: number;
  readonly maxNewTokens: number;
  /** Logged with each step, by name. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Completions of a rollout as `grpoModel` takes them: R tokens of N completions. */
export interface RolloutBatch extends Omit<CompletionRows, "order">, BatchSettings {
  /** [N] in the order of `starts`. */
  readonly advantages: readonly number[];
  /** [R] */
  readonly oldLogProbs: Float32Array;
  /** [R]; absent without a reference. */
  readonly referenceLogProbs?: Float32Array;
}

/** Lays samples out as a batch of the policy. */
export function createRolloutBatch(
  policy: Pick<Policy, "packs">,
  prompts: readonly RolloutPrompt[],
  samples: readonly Sample[],
  settings: BatchSettings,
): RolloutBatch {
  const sequences = samples.map(({ prompt, tokens, masked }) => ({
    prompt: prompts[prompt]!.ids,
    completion: Int32Array.from(masked ? [] : tokens),
  }));
  const { order, ...rows } = packCompletions(sequences, policy.packs ?? false);
  const ordered = order.map((i) => samples[i]!);
  const counted = ordered.filter(({ masked }) => !masked);
  const hasReference = samples.some(({ referenceLogProbs }) => referenceLogProbs !== undefined);
  return {
    ...rows,
    ...settings,
    advantages: ordered.map(({ advantage }) => advantage),
    oldLogProbs: Float32Array.from(counted.flatMap(({ oldLogProbs }) => oldLogProbs)),
    ...(hasReference
      ? { referenceLogProbs: Float32Array.from(counted.flatMap(({ referenceLogProbs = [] }) => referenceLogProbs)) }
      : {}),
  };
}
