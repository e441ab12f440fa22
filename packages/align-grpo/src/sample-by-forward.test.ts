import { OutOfRangeError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createTinyModel, VOCABULARY } from "../test/tiny-policy.ts";
import { completionLogProbs } from "./completion-log-probs.ts";
import type { RolloutSampling } from "./rollout-options.ts";
import { sampleByForward } from "./sample-by-forward.ts";

const prompts = [Int32Array.of(3), Int32Array.of(1, 5, 2), Int32Array.of(4, 4)];
const sampling: RolloutSampling = {
  ...{ samplesPerPrompt: 5, maxNewTokens: 6, temperature: 0.7, stopTokens: [0], seed: 9 },
};

describe("sampleByForward", () => {
  const device = useTestGpu();

  test.each([true, false])("its log-probs are those of a forward pass, packs %s", async (packs) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu, { packs });
    const before = gpu.stats.liveBuffers;
    const sampled = await sampleByForward(policy)(prompts, sampling);
    expect(sampled).toHaveLength(15);
    expect(gpu.stats.liveBuffers).toBe(before);
    const sequences = sampled.map(({ tokens }, i) => ({ prompt: prompts[Math.floor(i / 5)]!, completion: tokens }));
    const want = await completionLogProbs(policy, sequences, 0.7);
    for (const [i, { tokens, logProbs, stopped }] of sampled.entries()) {
      expect(stopped).toBe(tokens.at(-1) === 0);
      expect(stopped || tokens.length === 6).toBe(true);
      expect(tokens.subarray(0, -1)).not.toContain(0);
      for (const [t, value] of logProbs.entries()) expect(value).toBeCloseTo(want[i]![t]!, 5);
    }
    expect(new Set(sampled.map(({ tokens }) => `${tokens}`)).size).toBeGreaterThan(5);
  });

  test("draws depend on seed and sequence, not on how many share a pass", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu);
    const draw = async (sequencesPerPass: number, seed = 9): Promise<string> => {
      const sampled = await sampleByForward(policy, { sequencesPerPass })(prompts, { ...sampling, seed });
      return JSON.stringify(sampled.map(({ tokens }) => [...tokens]));
    };
    const want = await draw(64);
    expect(await draw(4)).toBe(want);
    expect(await draw(64, 10)).not.toBe(want);
  });

  test("filters reach the draw, and a signal ends it", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const policy = createTinyModel(gpu);
    const greedy = await sampleByForward(policy)(prompts, { ...sampling, topK: 1 });
    expect(new Set(greedy.slice(0, 5).map(({ tokens }) => `${tokens}`)).size).toBe(1);
    const signal = AbortSignal.abort();
    const none = await sampleByForward(policy)(prompts, { ...sampling, signal });
    expect(none.every(({ tokens }) => tokens.length === 0)).toBe(true);
    expect(() => sampleByForward(policy, { sequencesPerPass: 0 })).toThrow(OutOfRangeError);
    expect(greedy.every(({ tokens }) => tokens.every((id) => id < VOCABULARY))).toBe(true);
  });
});
