/*
 * Reinforcement learning by GRPO: a model folder and questions -> a model folder whose replies earn more reward, by the
 * right answer and its form, or by a reward model that is trained on pairs of replies first.
 */
import { join } from "node:path";
import { answerReward, createRollouts, formatReward, grpoModel, modelReward } from "@ds3/align-grpo";
import { parsePrompt } from "@ds3/data";
import { generate } from "@ds3/deepseek";
import {
  assertOtherFolder,
  cosine,
  loadModel,
  optimizerFor,
  readAll,
  runTraining,
  type Session,
  saveModel,
} from "@ds3/example-shared";
import { openGpu } from "@ds3/tensor";
import { type ChatMessage, encodePrompt } from "@ds3/tokenizer";
import { formatProgress, train } from "@ds3/trainer";
import { parseOptions } from "./options.ts";
import { trainRewardModel } from "./reward-model.ts";

/** Draws groups of replies and raises the probability of those that earn more than the others of their group. */
export async function grpo(argv: readonly string[], session: Session): Promise<void> {
  const options = parseOptions(argv);
  const { print, status, signal } = session;
  const { out, resume, ...settings } = options;
  const { loss, beta, temperature, maxTokens: maxNewTokens, groupSize, steps, learningRate: peak, seed } = settings;
  const { precision } = settings;
  assertOtherFolder(options.model, join(out, "model"), join(out, "reward-model", "model"));
  await using gpu = await openGpu();
  const start = await loadModel(gpu, options.model, { precision });
  const { model, tokenizer, template, stopTokens } = start;

  const records = await readAll(options.data, parsePrompt, options.limit);
  const encode = (messages: readonly ChatMessage[]) => encodePrompt(tokenizer, template, messages);
  const prompts = records.map(({ messages, ...rest }) => ({ ids: encode(messages), ...rest }));
  const judge = options.rewardModelData && (await trainRewardModel(gpu, options, session));
  if (signal.aborted) return print("Stopped; the same command with --resume goes on.");
  const rewards = judge ? [modelReward(judge)] : [answerReward(), formatReward({ weight: 0.2 })];

  const rollouts = createRollouts({
    ...{ policy: model, prompts, rewards, loss, beta, temperature, groupSize, maxNewTokens, stopTokens, seed, signal },
    ...(beta > 0 ? { reference: (await loadModel(gpu, options.model, { precision })).model } : {}),
    promptsPerStep: options.questions,
    rollout: (from, sampling) => generate(model, from, sampling),
    contextLength: model.config.maxPositionEmbeddings,
    onLongPrompt: "drop",
    decode: (ids) => tokenizer.decode(stopTokens.includes(ids.at(-1)!) ? ids.subarray(0, -1) : ids),
  });
  print(`${prompts.length - rollouts.droppedPrompts} questions; left out: ${rollouts.droppedPrompts} too long`);
  const { stopped } = await train({
    model: grpoModel(model, { loss, beta, temperature }),
    batches: rollouts,
    steps,
    schedule: cosine(peak, steps),
    optimizer: optimizerFor(precision),
    checkpointEvery: Math.ceil(steps / 4),
    ...{ folder: out, resume, settings, signal },
    onStep: ({ step, terms: { reward, length = 0, equalGroups = 0 } }) => {
      if (reward === undefined) return print(`step ${step}: no reply to learn from`);
      const idle = `${(100 * equalGroups).toFixed(0)}% of groups all equal`;
      print(`step ${step}: mean reward ${reward.toFixed(3)}, ${length.toFixed(0)} tokens a reply, ${idle}`);
    },
    onProgress: (progress) => status(formatProgress(progress)),
    onNote: print,
  });
  if (stopped) return print("Stopped; the same command with --resume goes on.");
  await saveModel(join(out, "model"), start);
  print(`The model is in ${join(out, "model")}.`);
}

await runTraining(import.meta, grpo);
