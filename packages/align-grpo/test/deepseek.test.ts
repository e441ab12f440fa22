import { createDeepseek, type DeepseekModel, deepseekV3, generate } from "@ds3/deepseek";
import { useTestGpu } from "@ds3/testing";
import { type StepRecord, train } from "@ds3/trainer";
import { expect, test } from "vitest";
import {
  bradleyTerryModel,
  createPreferenceRows,
  createRollouts,
  grpoModel,
  modelReward,
  type Rollout,
} from "../src/index.ts";

const device = useTestGpu();

const config = deepseekV3("tiny", {
  ...{ vocabSize: 24, hiddenSize: 32, intermediateSize: 64, moeIntermediateSize: 16, numHiddenLayers: 2 },
  ...{ numAttentionHeads: 2, qLoraRank: 16, kvLoraRank: 16, qkNopeHeadDim: 8, qkRopeHeadDim: 8, vHeadDim: 8 },
  nRoutedExperts: 4,
});

const generateBy =
  (model: DeepseekModel): Rollout =>
  (prompts, options) =>
    generate(model, prompts, options);

const ids = (...values: number[]): Int32Array => Int32Array.from(values);
const shared = { schedule: () => 0.01, optimizer: { weightDecay: 0 } };

test("a DeepSeek policy is raised by the reward of a DeepSeek reward model", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const rewardModel = createDeepseek(gpu, config, { seed: 5, scoreHead: true });
  // Completions that end in 7 are better than others.
  const pairs = Array.from({ length: 24 }, (_, i) => ({
    ...{ prompt: ids(1 + (i % 5)), chosen: ids(8 + (i % 11), 7), rejected: ids(7, 8 + (i % 13)) },
  }));
  const fitted: StepRecord[] = [];
  await train({
    model: bradleyTerryModel(rewardModel),
    batches: createPreferenceRows(pairs, { pairsPerBatch: 8, packs: true }),
    ...{ ...shared, steps: 12, onStep: (record) => fitted.push(record) },
  });
  expect(fitted.at(-1)!.terms.accuracy).toBe(1);

  const policy = createDeepseek(gpu, config, { seed: 1 });
  const settings = { beta: 0.001, loss: "dapo" } as const;
  const records: StepRecord[] = [];
  await train({
    model: grpoModel(policy, settings),
    batches: createRollouts({
      ...{ ...settings, policy, rollout: generateBy(policy), reference: createDeepseek(gpu, config, { seed: 1 }) },
      prompts: [1, 2, 3, 4].map((id) => ({ ids: ids(id, id + 1) })),
      rewards: [modelReward(rewardModel)],
      ...{ groupSize: 8, promptsPerStep: 4, maxNewTokens: 2, contextLength: config.maxPositionEmbeddings },
    }),
    ...{ ...shared, steps: 12, onStep: (record) => records.push(record) },
  });
  // What decoding with the latent cache gives are the log-probs of a forward pass: the first ratios are 1.
  expect(records[0]!.terms.ratio).toBeCloseTo(1, 3);
  expect(records[0]!.terms.kl).toBeCloseTo(0, 4);
  const mean = (part: readonly StepRecord[]): number =>
    part.reduce((sum, { terms }) => sum + terms.reward!, 0) / part.length;
  // A quarter of what lies between a better and a worse completion.
  const gain = mean(records.slice(-3)) - mean(records.slice(0, 3));
  expect(gain).toBeGreaterThan(fitted.at(-1)!.terms.margin! / 4);
  expect(records.at(-1)!.terms.kl).toBeGreaterThan(0.01);
  expect(records[0]!.expertLoads).toBeDefined();
});
