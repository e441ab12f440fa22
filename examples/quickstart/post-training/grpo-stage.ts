import {
  answerReward,
  type Completion,
  createRollouts,
  formatReward,
  grpoModel,
  type Reward,
  type RolloutPrompt,
  scoreCompletions,
} from "@ds3/align-grpo";
import { type DeepseekModel, generate } from "@ds3/deepseek";
import { optimizerFor } from "@ds3/example-shared";
import { encodePrompt } from "@ds3/tokenizer";
import { formatProgress, learningRate, train } from "@ds3/trainer";
import { answer, question, questionForms, type Sum } from "./arithmetic.ts";
import { replyText } from "./chat-format.ts";
import type { Measurement, Stage, StageContext } from "./stage.ts";

/** What a reply is worth: 0.8 for the right answer, 0.2 for thinking first, so 1 at most. */
const rewards: readonly Reward[] = [answerReward({ weight: 0.8 }), formatReward({ weight: 0.2 })];

/** Draws the replies whose reward is measured: the same seed before and after, and in every run. */
const MEASURE_SEED = 1_000_003;

/**
 * Reinforcement learning from rule rewards, judged by the mean reward of replies to held-out sums that are drawn as in
 * training, at temperature 1.
 *
 * `rewardsOf` may put other rewards in their place for training, as the control run does; what is measured stays.
 */
export function grpoStage(
  context: StageContext,
  rewardsOf: (own: readonly Reward[]) => readonly Reward[] = (own) => own,
): Stage {
  const { format, plan, precision, sums, terminal, signal, seed } = context;
  const { steps, promptsPerStep, groupSize, learningRate: peak } = plan.grpo;
  const decode = (ids: Int32Array): string => replyText(format, ids);
  return {
    name: "grpo",
    measure: "mean reward of drawn replies to held-out sums",
    unit: "reward",
    metrics: "metrics.jsonl",
    measureHeldOut: (model) => measure(model, context),
    train(model, files) {
      const schedule = { kind: "cosine", peak, floor: peak / 10, warmupSteps: 5, totalSteps: steps } as const;
      return train({
        ...files,
        model: grpoModel(model),
        batches: createRollouts({
          policy: model,
          rollout: (prompts, options) => generate(model, prompts, options),
          prompts: sums.train.flatMap((sum) => askedInEveryForm(sum, context)),
          rewards: rewardsOf(rewards),
          groupSize,
          promptsPerStep,
          maxNewTokens: plan.replyTokens,
          stopTokens: [format.endId],
          seed,
          decode,
          signal,
        }),
        steps,
        optimizer: { ...optimizerFor(precision), weightDecay: 0 },
        schedule: (step, tokens) => learningRate(schedule, step, tokens),
        settings: { precision, seed, steps, promptsPerStep, groupSize, peak },
        checkpointEvery: Math.ceil(steps / 2),
        signal,
        onProgress: (progress) => terminal.status(formatProgress(progress)),
        onNote: terminal.print,
      });
    },
    curves: [
      { label: "mean reward of the replies that were trained on", value: ({ terms }) => terms.reward! },
      { label: "mean length of a reply, tokens", value: ({ terms }) => terms.length! },
    ],
  };
}

async function measure(model: DeepseekModel, context: StageContext): Promise<Measurement> {
  const { format, plan, sums } = context;
  const prompts = sums.heldOut.slice(0, plan.heldOutSums).map((sum, i) => asPrompt(sum, i % questionForms, context));
  const sequences = await generate(
    model,
    prompts.map(({ ids }) => ids),
    {
      maxNewTokens: plan.replyTokens,
      temperature: 1,
      samplesPerPrompt: plan.samplesPerSum,
      stopTokens: [format.endId],
      seed: MEASURE_SEED,
    },
  );
  const completions = sequences.map(
    ({ prompt, tokens, stopped }, i): Completion => ({
      prompt: prompts[prompt]!,
      promptIndex: prompt,
      sampleIndex: i % plan.samplesPerSum,
      tokens,
      text: replyText(format, tokens),
      stopped,
    }),
  );
  const { totals } = await scoreCompletions(rewards, completions);
  return { value: totals.reduce<number>((sum, total) => sum + total!, 0) / totals.length, n: totals.length };
}

function askedInEveryForm(sum: Sum, context: StageContext): RolloutPrompt[] {
  return Array.from({ length: questionForms }, (_, form) => asPrompt(sum, form, context));
}

function asPrompt(sum: Sum, form: number, { format }: StageContext): RolloutPrompt {
  const messages = [{ role: "user", content: question(sum, form) }];
  return { ids: encodePrompt(format.tokenizer, format.template, messages), answer: answer(sum) };
}
