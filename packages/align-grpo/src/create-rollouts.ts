/*
 * Rollouts as batches of the trainer. A rollout is sampled by the policy's parameters of the moment it is asked for, scored,
 * and given as `microBatches` batches, `updatesPerRollout` times over. Where a run is between two batches of one rollout,
 * the parameters have moved since it was sampled: so the cursor carries the rollout itself there, and a resumed run goes on
 * with the same tokens, advantages and log-probs. Between rollouts it is two numbers.
 */
import type { BatchSource } from "@ds3/trainer";
import { createRolloutBatch, type RolloutBatch } from "./rollout-batch.ts";
import { checkRolloutOptions, promptsThatFit, type RolloutOptions } from "./rollout-options.ts";
import { partOf, type RolloutState, takeRollout } from "./take-rollout.ts";

/** Rollouts as the trainer asks for them. */
export interface Rollouts extends BatchSource<RolloutBatch> {
  /** Completion tokens that count. */
  readonly tokensPerBatch: (batch: RolloutBatch) => number;
  next(): Promise<RolloutBatch>;
  weightOf(batch: RolloutBatch): number;
  /** Prompts that were too long and left out. */
  readonly droppedPrompts: number;
}

interface RolloutCursor {
  readonly rollout: number;
  /** Batches of that rollout that were given. */
  readonly batch: number;
  /** That rollout, once a batch of it was given. */
  readonly state?: RolloutState;
}

/**
 * Samples groups of completions, scores them and gives them as batches to `train`. Order of prompts and samples depend on
 * the seed and, through the policy, on its parameters; a resumed run goes on bit for bit.
 *
 * Weights of micro-batches make a step's loss exact: by completions for `grpo` and `dr_grpo`, by tokens for `dapo`, equal for
 * `bnpo`. Give `settings` of `train` what a resumed run must not change.
 *
 * @throws OutOfRangeError naming a prompt that is too long, or an option out of range; ConfigError for options that do not
 * go together; EmptyDataError without prompts. `next` rejects with RewardError, RewardTimeoutError of a reward, and ShapeError
 * when `rollout` gives other than asked for.
 */
export function createRollouts(options: RolloutOptions): Rollouts {
  checkRolloutOptions(options);
  const { policy, prompts, updatesPerRollout = 1, microBatches = 1, maxNewTokens } = options;
  const { loss = "grpo", temperature = 1 } = options;
  const { kept, dropped } = promptsThatFit(options);
  let position: RolloutCursor = { rollout: 0, batch: 0 };
  return {
    droppedPrompts: dropped,
    tokensPerBatch: ({ targets }) => targets.length,
    async next() {
      const { rollout, batch } = position;
      const state = position.state ?? (await takeRollout(options, kept, rollout));
      const samples = partOf(state.samples, batch % microBatches, microBatches);
      const isLast = batch + 1 === microBatches * updatesPerRollout;
      position = isLast ? { rollout: rollout + 1, batch: 0 } : { rollout, batch: batch + 1, state };
      const settings = { loss, temperature, maxNewTokens, figures: state.figures };
      return createRolloutBatch(policy, prompts, samples, settings);
    },
    weightOf: ({ advantages, targets }) => {
      if (loss === "dapo") return targets.length;
      return loss === "bnpo" ? Math.min(1, advantages.length) : advantages.length;
    },
    cursor: () => position,
    seek: (cursor) => {
      position = cursor as RolloutCursor;
    },
  };
}
