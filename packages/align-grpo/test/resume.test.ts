import { join } from "node:path";
import { temporaryFolder, useTestGpu } from "@ds3/testing";
import { readNewestCheckpoint, train } from "@ds3/trainer";
import { expect, test } from "vitest";
import { createRollouts, grpoModel, reward, sampleByForward } from "../src/index.ts";
import { createTinyModel } from "./tiny-policy.ts";

const device = useTestGpu();
const settings = { beta: 0.05, loss: "dapo", temperature: 0.9 } as const;
const prompts = [1, 2, 3, 4, 6].map((id) => ({ ids: Int32Array.of(id) }));

/** A run of its own model and rollouts, as another process would have; its newest checkpoint's files. */
async function run(folder: string, steps: number, resume: boolean): Promise<Readonly<Record<string, Uint8Array>>> {
  const { gpu } = device;
  using _scope = gpu.scope();
  const policy = createTinyModel(gpu);
  const batches = createRollouts({
    ...{ policy, prompts, ...settings, groupSize: 4, promptsPerStep: 3, maxNewTokens: 5, stopTokens: [0], seed: 3 },
    // Each step takes one batch: rollouts end after 4 steps, checkpoints fall in between.
    ...{ updatesPerRollout: 2, microBatches: 2, overlong: "mask" },
    rollout: sampleByForward(policy),
    reference: createTinyModel(gpu),
    rewards: [reward("even", async ({ tokens }) => tokens.filter((id) => id % 2 === 0).length)],
  });
  await train({ model: grpoModel(policy, settings), batches, steps, schedule: () => 0.02, folder, resume });
  const checkpoint = await readNewestCheckpoint(join(folder, "checkpoints"));
  expect(checkpoint?.step).toBe(steps);
  return checkpoint!.files;
}

test.each([4, 6])("%i steps and the rest equal all of them, byte for byte", async (half) => {
  const [whole, resumed] = [temporaryFolder(), temporaryFolder()];
  const want = await run(whole, 10, false);
  const middle = await run(resumed, half, false);
  const { cursor } = JSON.parse(new TextDecoder().decode(middle["state.json"]));
  // After 4 steps a rollout is done and the cursor is two numbers; after 6 it carries the rollout.
  expect(Object.keys(cursor)).toEqual(half === 4 ? ["rollout", "batch"] : ["rollout", "batch", "state"]);
  const got = await run(resumed, 10, true);
  expect(Object.keys(got).sort()).toEqual(Object.keys(want).sort());
  for (const [name, data] of Object.entries(want)) expect(Buffer.compare(got[name]!, data), name).toBe(0);
});
