import type { DeepseekModel } from "@ds3/deepseek";
import { IGNORED_TARGET } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import type { LossOutput, Policy } from "@ds3/trainer";
import { expect, test } from "vitest";
import { samples } from "../test/chats.ts";
import { createTiny } from "../test/tiny-model.ts";
import { createSftBatches } from "./create-sft-batches.ts";
import { sftLoss } from "./sft-loss.ts";

const device = useTestGpu();

async function lossAndGradient(model: DeepseekModel, loss: () => LossOutput): Promise<[number, Float32Array]> {
  model.arena.zeroGradients();
  using tape = model.gpu.tape();
  const { total, terms } = loss();
  expect(terms.main).toBe(total);
  tape.backward(total);
  return [await total.item(), await model.arena.segments[0]!.gradients.data()];
}

test("by logits of the counted rows alone: loss and gradient of the model's own loss", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const batch = createSftBatches(samples, { batch: 2, length: 64 }).next();
  const asked: number[] = [];
  const policy: Policy = {
    gpu,
    arena: model.arena,
    save: () => model.save(),
    load: (files) => model.load(files),
    logits: (tokens, rows, training) => {
      asked.push(rows.length);
      return model.logits(tokens, rows, training);
    },
  };
  const [loss, gradient] = await lossAndGradient(model, () => sftLoss(policy, batch));
  const [own, ownGradient] = await lossAndGradient(model, () => model.loss(batch));
  expect(asked).toEqual([batch.targetCount]);
  expect(loss).toBeCloseTo(own, 5);
  const largest = Math.max(...ownGradient.map(Math.abs));
  expect(Math.max(...gradient.map((g, i) => Math.abs(g - ownGradient[i]!)))).toBeLessThan(1e-5 * largest);
  const masked = { ...batch, targets: batch.targets.map(() => IGNORED_TARGET) };
  const [none, noGradient] = await lossAndGradient(model, () => sftLoss(policy, masked));
  expect(none).toBe(0);
  expect(noGradient.every((g) => g === 0)).toBe(true);
  expect(asked).toHaveLength(1);
});
