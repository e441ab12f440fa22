import type { Tensor } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { smallConfig } from "../test/small-model.ts";
import { createDeepseek, type DeepseekModel } from "./model.ts";
import type { DeepseekOptions } from "./model-options.ts";
import type { TrainingBatch } from "./token-batch.ts";

const device = useTestGpu();
const config = { ...smallConfig, numHiddenLayers: 4, numNextnPredictLayers: 2 };
const [batch, length] = [2, 12];
const inputs = Int32Array.from({ length: batch * length }, (_, i) => (7 * i + 3) % 40);
const targets = Int32Array.from({ length: batch * length }, (_, i) => (i % 5 === 4 ? -100 : (11 * i + 1) % 40));
const plain: TrainingBatch = { inputs, targets, batch, length };
/** Two documents a row: their borders are uploaded for the batch, and needed again in backward. */
const packed: TrainingBatch = {
  ...plain,
  positions: inputs.map((_, i) => (i % length) % 7),
  documentIds: inputs.map((_, i) => Math.floor((i % length) / 7)),
};

/** Everything a step leaves behind, and the bytes it took at its peak beside the model. */
interface Step {
  readonly terms: Record<string, number>;
  readonly loads: number[];
  readonly gradients: Float32Array[];
  readonly bytes: number;
}

async function step(options: DeepseekOptions, run: (model: DeepseekModel) => Record<string, Tensor>): Promise<Step> {
  const { gpu } = device;
  using _scope = gpu.scope();
  const model = createDeepseek(gpu, config, { seed: 4, balanceLossWeight: 0.01, ...options });
  const before = gpu.stats.liveBytes;
  gpu.resetPeak();
  using tape = gpu.tape();
  const named = run(model);
  const terms = await Promise.all(
    Object.entries(named).map(async ([name, term]) => [name, await term.item()] as const),
  );
  tape.backward(Object.values(named)[0]!);
  const bytes = gpu.stats.peakBytes - before;
  const loads = [...(await model.expertLoads()!.data<"u32">())];
  const gradients = await Promise.all(model.arena.segments.map(({ gradients }) => gradients.data()));
  return { terms: Object.fromEntries(terms), loads, gradients, bytes };
}

test.each([
  ["", "normed", plain],
  [", raw states", "raw", plain],
  [", packed documents", "normed", packed],
] as const)(
  "checkpointed blocks give loss, loads and every gradient bit for bit, in less memory%s",
  async (_, mtpHidden, rows) => {
    const { gpu } = device;
    const live = gpu.stats.liveBuffers;
    const loss = (model: DeepseekModel): Record<string, Tensor> => {
      const { total, terms } = model.loss(rows);
      return { total, ...terms };
    };
    const none = await step({ mtpHidden }, loss);
    const block = await step({ mtpHidden, checkpoint: "block" }, loss);
    expect(Object.keys(block.terms)).toEqual(["total", "main", "mtp", "balance"]);
    expect(block.terms).toEqual(none.terms);
    expect(block.loads).toEqual(none.loads);
    expect(block.loads.slice(0, 8).reduce((a, b) => a + b)).toBe(2 * batch * length);
    expect(block.gradients).toEqual(none.gradients);
    expect(block.gradients[0]!.some((value) => value !== 0)).toBe(true);
    expect(block.bytes).toBeLessThan(none.bytes / 2);
    expect(gpu.stats.liveBuffers).toBe(live);
  },
);

test("the logits that alignment trains on are checkpointed too, with a scope around the forward pass", async () => {
  const { gpu } = device;
  const logits = (model: DeepseekModel): Record<string, Tensor> => {
    using forward = gpu.scope("forward");
    return { logit: forward.keep(model.logits(packed, Int32Array.of(9), true).reshape([40]).slice(5, 6)) };
  };
  const none = await step({}, logits);
  const block = await step({ checkpoint: "block" }, logits);
  expect(block.terms).toEqual(none.terms);
  expect(block.gradients).toEqual(none.gradients);
  expect(block.bytes).toBeLessThan(none.bytes);
});

test("outside training nothing is recomputed, and generation reads the same latents", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [none, block] = [{}, { checkpoint: "block" } as const].map((options) =>
    createDeepseek(gpu, config, { seed: 4, ...options }),
  ) as [DeepseekModel, DeepseekModel];
  const [a, b] = [none.forward(plain), block.forward(plain)];
  for (const [i, layer] of a.layers.entries()) {
    expect(await b.layers[i]!.latent.data()).toEqual(await layer.latent.data());
    expect(await b.layers[i]!.ropeKey.data()).toEqual(await layer.ropeKey.data());
  }
  using tape = gpu.tape();
  const before = gpu.stats.dispatches;
  const scores = block.logits(plain, Int32Array.of(3), false);
  const forward = gpu.stats.dispatches - before;
  tape.backward(scores);
  const backward = gpu.stats.dispatches - before - forward;
  using recording = gpu.tape();
  const start = gpu.stats.dispatches;
  const again = none.logits(plain, Int32Array.of(3), false);
  recording.backward(again);
  expect(gpu.stats.dispatches - start).toBe(forward + backward);
});
