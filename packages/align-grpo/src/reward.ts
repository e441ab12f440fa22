/** A prompt to sample completions of. */
export interface RolloutPrompt {
  readonly ids: Int32Array;
  /** What a completion should come to; `answerReward` compares with it. */
  readonly answer?: string;
  /** Whatever else a reward needs to know, e.g. the record that the prompt was made from. */
  readonly record?: unknown;
}

/** One answer that the policy gave to a prompt. */
export interface Completion {
  readonly prompt: RolloutPrompt;
  /** Which of the prompts that the rollouts were created with. */
  readonly promptIndex: number;
  /** Which of the prompt's completions, from 0. */
  readonly sampleIndex: number;
  /** As sampled; the stop token is the last one when there is one. */
  readonly tokens: Int32Array;
  /** `tokens`, decoded. */
  readonly text: string;
  /** True when a stop token ended it, false when the number of tokens did. */
  readonly stopped: boolean;
}

/** What GRPO raises: a number for each completion, the larger the better. */
export interface Reward {
  readonly name: string;
  /** Factor in the sum of all rewards. Default 1. */
  readonly weight?: number;
  /**
   * One finite number for each completion, in their order. `signal` is aborted when the time is up. A synchronous endless
   * loop cannot be interrupted: run foreign code in a worker or a process, and await it.
   */
  score(completions: readonly Completion[], signal: AbortSignal): readonly number[] | Promise<readonly number[]>;
  /** The same for one completion. Where it is given it is used, so that a failure is that completion's alone. */
  scoreOne?(completion: Completion, signal: AbortSignal): number | Promise<number>;
}

/** Options that every maker of rewards takes. */
export interface RewardOptions {
  readonly name?: string;
  /** Default 1. */
  readonly weight?: number;
}

/** A reward from a function of one completion, synchronous or not. */
export function reward(
  name: string,
  score: (completion: Completion, signal: AbortSignal) => number | Promise<number>,
  options: Pick<RewardOptions, "weight"> = {},
): Reward {
  return {
    name,
    ...options,
    score: (completions, signal) => Promise.all(completions.map((completion) => score(completion, signal))),
    scoreOne: score,
  };
}
