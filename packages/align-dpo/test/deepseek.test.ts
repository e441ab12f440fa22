import { createDeepseek, type DeepseekModel, deepseekV3 } from "@ds3/deepseek";
import { expectNear, useTestGpu } from "@ds3/testing";
import { type Policy, type StepRecord, train } from "@ds3/trainer";
import { expect, test } from "vitest";
import { computeReferenceLogProbs, createPreferenceBatches, dpoModel, preferenceAccuracy } from "../src/index.ts";
import { toyPairs } from "./toy-pairs.ts";

const device = useTestGpu();
const vocabSize = 64;
const config = deepseekV3("tiny", {
  ...{ vocabSize, hiddenSize: 32, intermediateSize: 64, moeIntermediateSize: 16, numHiddenLayers: 2 },
  ...{ numAttentionHeads: 2, qLoraRank: 16, kvLoraRank: 16, qkNopeHeadDim: 8, qkRopeHeadDim: 8, vHeadDim: 8 },
  ...{ nRoutedExperts: 4 },
});
const pairs = toyPairs(24, 4, vocabSize);

/** The same model for a trainer that gives every sequence a row of its own. */
function separate(model: DeepseekModel): Policy {
  const { gpu, arena } = model;
  return {
    ...{ gpu, arena, packs: false },
    logits: (tokens, rows, training) => model.logits(tokens, rows, training),
    save: () => model.save(),
    load: (files) => model.load(files),
  };
}

test("DeepSeek: sequences that share rows have the log-probs that they have alone", async () => {
  using _scope = device.gpu.scope();
  const model = createDeepseek(device.gpu, config, { seed: 1 });
  const packed = await computeReferenceLogProbs(model, pairs, { batch: 12 });
  const alone = await computeReferenceLogProbs(separate(model), pairs, { batch: 5 });
  expectNear("chosen", packed.chosen, alone.chosen, [24], 1e-5);
  expectNear("rejected", packed.rejected, alone.rejected, [24], 1e-5);
});

test("DeepSeek: training raises margin and accuracy, and counts experts' loads in training alone", async () => {
  using _scope = device.gpu.scope();
  const model = createDeepseek(device.gpu, config, { seed: 1 });
  const reference = await computeReferenceLogProbs(model, pairs);
  const before = await preferenceAccuracy(model, pairs);
  const steps: StepRecord[] = [];
  const batches = createPreferenceBatches(pairs, { batch: 8, reference, packs: model.packs });
  const first = batches.next();
  batches.seek({ epoch: 0, index: 0 });
  await train({
    model: dpoModel(model, { beta: 0.5 }),
    batches,
    steps: 24,
    schedule: () => 0.005,
    onStep: (record) => void steps.push(record),
  });
  const { terms } = steps.at(-1)!;
  expect(steps[0]!.terms.margin).toBeCloseTo(0, 4);
  expect(terms.margin).toBeGreaterThan(0.5);
  expect(terms.accuracy).toBe(1);
  expect((await preferenceAccuracy(model, pairs)).accuracy).toBeGreaterThan(before.accuracy);
  // Of the first step alone: nothing of the passes for the reference and the accuracy, and padding is routed as well.
  const tokens = first.tokens.inputs.length;
  const loads = steps[0]!.expertLoads!.map((layer) => layer.reduce((sum, load) => sum + load, 0));
  expect(loads[0]).toBe(tokens * config.numExpertsPerTok);
});
