import { ConfigError } from "@ds3/errors";
import { expectNear, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createTinyModel, type TinyModel } from "../test/tiny-policy.ts";
import { completionLogProbs } from "./completion-log-probs.ts";
import { createRollouts } from "./create-rollouts.ts";
import { grpoLossRef } from "./grpo-loss.ref.ts";
import { type GrpoModelOptions, grpoModel } from "./grpo-model.ts";
import { reward } from "./reward.ts";
import type { RolloutBatch } from "./rollout-batch.ts";
import type { RolloutOptions } from "./rollout-options.ts";
import { sampleByForward } from "./sample-by-forward.ts";

const prompts = [1, 2, 3].map((id) => ({ ids: Int32Array.of(id) }));

function batchOf(policy: TinyModel, options: Partial<RolloutOptions>): Promise<RolloutBatch> {
  const sizes = { groupSize: 4, promptsPerStep: 3, maxNewTokens: 6, stopTokens: [0] };
  const rewards = [reward("five", ({ tokens }) => tokens.filter((id) => id === 5).length)];
  return createRollouts({ policy, prompts, rewards, rollout: sampleByForward(policy), ...sizes, ...options }).next();
}

describe("grpoModel", () => {
  const device = useTestGpu();

  test("its loss is the reference's at the policy's log-probs of now", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const settings: GrpoModelOptions = { loss: "dr_grpo", beta: 0.2, temperature: 0.8, epsilonLow: 0.1 };
    const policy = createTinyModel(gpu);
    const reference = createTinyModel(gpu, { seed: 2 });
    const batch = await batchOf(policy, { ...settings, reference });
    gpu.write(policy.arena.get("head"), await createTinyModel(gpu, { seed: 3 }).arena.get("head").data());
    using tape = gpu.tape();
    const { total, terms } = grpoModel(policy, settings).loss(batch);
    tape.backward(total);
    const sequences = sequencesOf(batch);
    const now = (await completionLogProbs(policy, sequences, 0.8)).flatMap((values) => [...values]);
    const want = (await completionLogProbs(reference, sequences, 0.8)).flatMap((values) => [...values]);
    expectNear("reference log-probs", batch.referenceLogProbs!, want, [want.length], 1e-6);
    const { loss, kl, clipped } = grpoLossRef(now, {
      ...batch,
      ...{ loss: "dr_grpo", beta: 0.2, epsilonLow: 0.1, epsilonHigh: 0.1, maxTokens: 6 },
      referenceLogProbs: want,
    });
    const mean = (values: Float64Array): number => values.reduce((a, b) => a + b) / values.length;
    expectNear("loss", await total.data(), [loss], [1], 2e-5);
    expectNear("kl", await terms.kl!.data(), [mean(kl)], [1], 2e-5);
    expectNear("clipped", await terms.clipped!.data(), [mean(clipped)], [1], 2e-5);
    expect(mean(clipped)).toBeGreaterThan(0);
    const gradient = await policy.arena.get("embed").grad!.data();
    expect(gradient.some((value) => value !== 0)).toBe(true);
  });

  test("terms", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu);
    const batch = await batchOf(policy, {});
    const { terms } = grpoModel(policy).loss(batch);
    const names = ["reward", "reward.five", "length", "equalGroups", "dropped", "clipped", "ratio"];
    expect(Object.keys(terms)).toEqual(names);
    for (const [name, value] of Object.entries(batch.figures)) {
      expect(await terms[name]!.item()).toBeCloseTo(value, 5);
    }
    // Sampled by the policy of now: every ratio is 1 but for rounding.
    expect(await terms.ratio!.item()).toBeCloseTo(1, 5);
    expect(await terms.clipped!.item()).toBe(0);
  });

  test("a batch whose completions are all masked has loss 0 and does not run the policy", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu);
    const batch = await batchOf(policy, { overlong: "mask", stopTokens: [99] });
    expect([batch.targets.length, batch.advantages.length]).toEqual([0, 12]);
    policy.passes = 0;
    using tape = gpu.tape();
    policy.arena.zeroGradients();
    const { total, terms } = grpoModel(policy).loss(batch);
    tape.backward(total);
    expect([await total.item(), await terms.ratio!.item(), policy.passes]).toEqual([0, 0, 0]);
    for (const parameter of policy.arena.parameters.values()) {
      expect((await parameter.grad!.data()).every((value) => value === 0)).toBe(true);
    }
  });

  test("a batch made with other settings is refused", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu);
    const batch = await batchOf(policy, { loss: "dapo" });
    expect(() => grpoModel(policy).loss(batch)).toThrow(ConfigError);
    expect(() => grpoModel(policy).loss(batch)).toThrow(/loss: expected the batch's, dapo, got grpo/);
    expect(() => grpoModel(policy, { loss: "dapo", temperature: 2 }).loss(batch)).toThrow(/temperature/);
    expect(() => grpoModel(policy, { loss: "dapo", beta: 1 }).loss(batch)).toThrow(/referenceLogProbs/);
  });
});

/** The completions of a batch, read back from its rows. */
function sequencesOf({ tokens, rows, targets, starts, advantages }: RolloutBatch) {
  return advantages.map((_, n) => {
    const [from, to] = [starts[n]!, starts[n + 1]!];
    return { prompt: Int32Array.of(tokens.inputs[rows[from]!]!), completion: targets.slice(from, to) };
  });
}
