import { createDeepseek, type DeepseekModel } from "@ds3/deepseek";
import { IGNORED_TARGET } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { createSftBatches, type SftBatch, type SftSample } from "../src/index.ts";
import { samples } from "./chats.ts";
import { config, createTiny } from "./tiny-model.ts";

const device = useTestGpu();
const V = config.vocabSize;
/** All samples in two rows. */
const packed = (given: readonly SftSample[]): SftBatch => {
  const source = createSftBatches(given, { batch: 2, length: 64 });
  expect(source.rows).toBe(2);
  return source.next();
};

/** Logits of a conversation that is alone in its row, as a plain sequence. */
async function logitsAlone(model: DeepseekModel, { ids }: SftSample): Promise<Float32Array> {
  const tokens = { inputs: ids, batch: 1, length: ids.length };
  return model.gpu.noGrad(() => model.head(model.forward(tokens).normed)).data();
}

/** -log softmax at the target, in f64. */
function nats(logits: Float32Array, target: number): number {
  const top = Math.max(...logits);
  return Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0)) + top - logits[target]!;
}

async function lossAndGradient(model: DeepseekModel, batch: SftBatch): Promise<[number, Float32Array]> {
  model.arena.zeroGradients();
  using tape = model.gpu.tape();
  const { total } = model.loss(batch);
  tape.backward(total);
  return [await total.item(), await model.arena.segments[0]!.gradients.data()];
}

test("the loss of packed rows is the mean over the assistants' tokens of each conversation run alone", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const expected: number[] = [];
  for (const sample of samples) {
    const logits = await logitsAlone(model, sample);
    for (const [i, id] of sample.ids.entries()) {
      if (i > 0 && sample.assistantMask[i]) expected.push(nats(logits.subarray((i - 1) * V, i * V), id));
    }
  }
  const batch = packed(samples);
  expect(batch.targetCount).toBe(expected.length);
  const [loss] = await lossAndGradient(model, batch);
  expect(loss).toBeCloseTo(expected.reduce((a, b) => a + b) / expected.length, 5);
});

test("packed conversations cannot see each other: their logits are those of each one alone", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const batch = packed(samples);
  const logits = await gpu.noGrad(() => model.head(model.forward(batch).normed)).data();
  let compared = 0;
  for (const sample of samples) {
    const alone = await logitsAlone(model, sample);
    const last = sample.assistantMask.lastIndexOf(1);
    const start = batch.inputs.findIndex(
      (_, at) =>
        batch.positions[at] === 0 && sample.ids.subarray(0, last).every((id, i) => batch.inputs[at + i] === id),
    );
    for (let i = 0; i < last * V; i++) expect(Math.abs(logits[start * V + i]! - alone[i]!)).toBeLessThan(1e-5);
    compared += last;
  }
  expect(compared).toBe(batch.tokenCount);
  // A model that sees the whole row gives others.
  const { documentIds: _, ...unmasked } = batch;
  const seeing = await gpu.noGrad(() => model.head(model.forward(unmasked).normed)).data();
  expect(Math.max(...seeing.map((value, i) => Math.abs(value - logits[i]!)))).toBeGreaterThan(1e-3);
});

test("what a user says last, and is never answered, changes nothing; what an assistant says does", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const [loss, gradient] = await lossAndGradient(model, packed(samples));
  const changed = (at: (mask: Uint8Array) => number): SftSample[] =>
    samples.map((sample, s) => {
      const ids = sample.ids.slice();
      if (s === 3) ids[at(sample.assistantMask)]! += 1;
      return { ...sample, ids };
    });
  const unanswered = packed(changed((mask) => mask.length - 1));
  expect(await lossAndGradient(model, unanswered)).toEqual([loss, gradient]);
  const said = packed(changed((mask) => mask.lastIndexOf(1) - 1));
  expect((await lossAndGradient(model, said))[0]).not.toBeCloseTo(loss, 3);
});

test("users' tokens are targets of nothing: marked as an assistant's they would change loss and gradient", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const batch = packed(samples);
  const users = [...batch.targets.keys()].filter(
    (i) => batch.targets[i] === IGNORED_TARGET && batch.documentIds[i + 1] === batch.documentIds[i],
  );
  expect(users.length).toBeGreaterThan(20);
  const [loss, gradient] = await lossAndGradient(model, batch);
  const targets = batch.targets.slice();
  for (const i of users) targets[i] = batch.inputs[i + 1]!;
  const [all, other] = await lossAndGradient(model, { ...batch, targets });
  expect(all).not.toBeCloseTo(loss, 3);
  expect(Math.max(...other.map((value, i) => Math.abs(value - gradient[i]!)))).toBeGreaterThan(1e-3);
});

test("a batch without any target has loss 0 and no gradient", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createTiny(gpu);
  const batch = packed(samples);
  expect((await lossAndGradient(model, batch))[1].some((g) => g !== 0)).toBe(true);
  const [loss, gradient] = await lossAndGradient(model, { ...batch, targets: batch.targets.map(() => IGNORED_TARGET) });
  expect(loss).toBe(0);
  expect(gradient.every((g) => g === 0)).toBe(true);
});

test("with a multi-token prediction module, too, a batch without any target has main and mtp loss 0", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createDeepseek(gpu, { ...config, numNextnPredictLayers: 1 }, { seed: 1 });
  const batch = packed(samples);
  const termsOf = async (targets: Int32Array) => {
    const { main, mtp } = gpu.noGrad(() => model.loss({ ...batch, targets })).terms;
    return [await main!.item(), await mtp!.item()];
  };
  for (const loss of await termsOf(batch.targets)) expect(loss).toBeGreaterThan(0.1);
  expect(await termsOf(batch.targets.map(() => IGNORED_TARGET))).toEqual([0, 0]);
});
