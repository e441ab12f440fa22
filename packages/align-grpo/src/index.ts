// The loss.

export { type AdvantageScale, type GroupAdvantagesOptions, groupAdvantages } from "./group-advantages.ts";
export { type GrpoLossOptions, type GrpoLossOutput, grpoLoss } from "./grpo-loss.ts";
export type { GrpoLossName, GrpoSettings, RatioLevel } from "./types.ts";

// Rollouts for the trainer.

export { createRollouts, type Rollouts } from "./create-rollouts.ts";
export { type GrpoModelOptions, grpoModel } from "./grpo-model.ts";
export type { RolloutBatch } from "./rollout-batch.ts";
export type {
  Rollout,
  RolloutOptions,
  RolloutReport,
  RolloutSampling,
  SampledCompletion,
} from "./rollout-options.ts";
export { type SampleByForwardOptions, sampleByForward } from "./sample-by-forward.ts";

// Rewards.

export { type AnswerRewardOptions, answerReward, isSameAnswer } from "./answer-reward.ts";
export { RewardError, RewardTimeoutError } from "./errors.ts";
export { type FormatRewardOptions, formatReward } from "./format-reward.ts";
export { type Completion, type Reward, type RewardOptions, type RolloutPrompt, reward } from "./reward.ts";
export { type ScoreOptions, type Scores, scoreCompletions } from "./score-completions.ts";
export { type SoftOverlongRewardOptions, softOverlongReward } from "./soft-overlong-reward.ts";

// Reward models.

export { type BradleyTerryOutput, bradleyTerryLoss } from "./bradley-terry-loss.ts";
export { type ModelRewardOptions, modelReward } from "./model-reward.ts";
export {
  bradleyTerryModel,
  createPreferenceRows,
  type PreferencePair,
  type PreferenceRows,
  type PreferenceRowsOptions,
  type ScoreModel,
} from "./score-model.ts";
