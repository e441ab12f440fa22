import { useTestGpu } from "@ds3/testing";
import { type StepRecord, train } from "@ds3/trainer";
import { expect, test } from "vitest";
import { createRollouts, type GrpoLossName, grpoModel, reward, sampleByForward } from "../src/index.ts";
import { createTinyModel } from "./tiny-policy.ts";

const device = useTestGpu();
const prompts = [1, 2, 3].map((id) => ({ ids: Int32Array.of(id) }));

/** Loses 3 of 15 completions: 12 in 5 batches are not equally many in each, nor are their tokens. */
const fussy = reward("fussy", ({ promptIndex, sampleIndex, tokens }) =>
  promptIndex === 0 && sampleIndex < 3 ? Number.NaN : tokens.filter((id) => id % 2 === 0).length,
);

/** Two steps on one rollout: the ratios of the second are not 1. */
async function stepsIn(microBatches: number, loss: GrpoLossName): Promise<Pick<StepRecord, "loss" | "gradientNorm">[]> {
  const { gpu } = device;
  using _scope = gpu.scope();
  const policy = createTinyModel(gpu);
  const settings = { loss, beta: 0.1 };
  const records: StepRecord[] = [];
  const batches = createRollouts({
    ...{ ...settings, policy, prompts, reference: createTinyModel(gpu, { seed: 2 }), rollout: sampleByForward(policy) },
    ...{ groupSize: 5, promptsPerStep: 3, maxNewTokens: 9, stopTokens: [0, 1], overlong: "mask", seed: 4 },
    ...{ rewards: [fussy], onRewardError: "drop", updatesPerRollout: 2, microBatches },
  });
  const onStep = (record: StepRecord): void => void records.push(record);
  await train({ model: grpoModel(policy, settings), batches, microBatches, steps: 2, schedule: () => 0.05, onStep });
  return records;
}

test.each(["grpo", "dapo", "dr_grpo"] as const)(
  "%s: a rollout in several batches is the same step as in one",
  async (loss) => {
    const [whole, parts] = [await stepsIn(1, loss), await stepsIn(5, loss)];
    for (const [i, { loss, gradientNorm }] of parts.entries()) {
      expect(gradientNorm).toBeGreaterThan(0.01);
      expect(Math.abs(loss - whole[i]!.loss)).toBeLessThan(1e-6);
      expect(Math.abs(gradientNorm / whole[i]!.gradientNorm - 1)).toBeLessThan(1e-5);
    }
  },
);

test("bnpo: each batch is its own mean", async () => {
  const [[whole], [parts]] = [await stepsIn(1, "bnpo"), await stepsIn(5, "bnpo")];
  expect(Math.abs(parts!.gradientNorm / whole!.gradientNorm - 1)).toBeGreaterThan(0.01);
});
