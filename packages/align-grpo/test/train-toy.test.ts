import { createRandom } from "@ds3/data";
import { useTestGpu } from "@ds3/testing";
import { train } from "@ds3/trainer";
import { describe, expect, test } from "vitest";
import {
  createRollouts,
  type GrpoModelOptions,
  grpoModel,
  type Reward,
  type RolloutOptions,
  reward,
  sampleByForward,
} from "../src/index.ts";
import { createTinyModel, type TinyModel } from "./tiny-policy.ts";

const LIKED = 5;
const STEPS = 30;
const prompts = [1, 2, 3, 4].map((id) => ({ ids: Int32Array.of(id) }));

const shareOf = (tokens: Int32Array): number => tokens.filter((id) => id === LIKED).length / tokens.length;
/** The share of the liked token. */
const likes: Reward = reward("likes", ({ tokens }) => shareOf(tokens));

/** The same numbers, dealt out to the completions at random: nothing to learn. */
function shuffled(seed: number): Reward {
  const random = createRandom({ seed });
  return {
    name: "shuffled",
    score: (completions) => random.shuffle(completions.map(({ tokens }) => shareOf(tokens))),
  };
}

interface Toy {
  readonly policy: TinyModel;
  readonly rewards: readonly Reward[];
  readonly settings?: GrpoModelOptions;
  readonly rollouts?: Partial<RolloutOptions>;
}

/** Trains, and gives the mean share of the liked token in each rollout. */
async function trainToy({ policy, rewards, settings = {}, rollouts = {} }: Toy): Promise<number[]> {
  const shares: number[] = [];
  const batches = createRollouts({
    ...{ policy, rollout: sampleByForward(policy), prompts, rewards, groupSize: 8, promptsPerStep: 4, maxNewTokens: 4 },
    ...settings,
    ...rollouts,
    onRollout: ({ completions }) => {
      shares.push(completions.reduce((sum, { tokens }) => sum + shareOf(tokens), 0) / completions.length);
    },
  });
  await train({
    model: grpoModel(policy, settings),
    batches,
    steps: STEPS,
    schedule: () => 0.03,
    optimizer: { weightDecay: 0 },
    microBatches: rollouts.microBatches ?? 1,
  });
  return shares;
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
/** Mean of the last five rollouts minus mean of the first five. */
const gainOf = (shares: readonly number[]): number => meanOf(shares.slice(-5)) - meanOf(shares.slice(0, 5));

describe("a policy of the test's own", () => {
  const device = useTestGpu();

  test.each([
    ["grpo", { loss: "grpo" }, {}],
    ["dapo with higher clipping, two updates", { loss: "dapo", epsilonHigh: 0.28 }, { updatesPerRollout: 2 }],
    ["dr_grpo, two micro-batches", { loss: "dr_grpo" }, { microBatches: 2, scale: "none" }],
    ["bnpo, a row each", { loss: "bnpo" }, { microBatches: 3 }],
    ["sequence ratio at another temperature", { ratio: "sequence", temperature: 1.5 }, {}],
  ] as const)("%s raises the reward", async (_, settings, rollouts) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu, { packs: !("microBatches" in rollouts && rollouts.microBatches === 3) });
    const shares = await trainToy({ policy, rewards: [likes], settings, rollouts });
    expect(gainOf(shares)).toBeGreaterThan(0.3);
  });

  test("shuffled rewards do not raise it", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    for (const seed of [1, 2, 3]) {
      const policy = createTinyModel(gpu, { seed });
      expect(gainOf(await trainToy({ policy, rewards: [shuffled(seed)] }))).toBeLessThan(0.15);
    }
  });

  test("a reference holds the policy back", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const gains: number[] = [];
    for (const beta of [0, 5]) {
      const policy = createTinyModel(gpu);
      const reference = createTinyModel(gpu);
      const shares = await trainToy({ policy, rewards: [likes], settings: { beta }, rollouts: { reference } });
      // Once a rollout, not once an update; not at all without a KL term.
      expect(reference.passes).toBe(beta > 0 ? STEPS : 0);
      gains.push(gainOf(shares));
    }
    expect(gains[1]!).toBeLessThan(gains[0]! / 2);
  });

  test("equal rewards move no parameter", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu);
    const read = async () => Promise.all([...policy.arena.parameters.values()].map(async (p) => [...(await p.data())]));
    const before = await read();
    await trainToy({ policy, rewards: [reward("same", () => 0.1)] });
    expect(await read()).toEqual(before);
    await trainToy({ policy, rewards: [likes] });
    expect(await read()).not.toEqual(before);
  });
});
