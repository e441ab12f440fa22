import { type DeepseekModel, generate } from "@ds3/deepseek";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { argmaxRows } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { Results, type TopicRunner } from "../topic.ts";
import { addModelGradients } from "./gradients.ts";
import { addQuantised } from "./model-quantised.ts";

/** A whole model from a checkpoint: logits, loss, hidden states, routing, gradients and greedy decoding. */
export const runModel: TopicRunner = async ({ meta, folder, tensors }, open) => {
  const fixture = tensors();
  const gpu = await open();
  // The fixture's loss is the cross-entropy alone.
  const model = await loadCheckpoint(gpu, folder, { balanceLossWeight: 0, mtpLossWeight: 0 });
  const results = new Results();
  addForward(results, model, fixture);
  addLoss(results, model, fixture);
  if (fixture.names.includes("greedy_ids")) await addGreedy(results, model, fixture, promptLength(meta));
  await addQuantised(results, model, fixture);
  return results.collect();
};

function addForward(results: Results, model: DeepseekModel, fixture: Fixture): void {
  const { batch, length, inputs } = batchOf(fixture);
  const via = "forward";
  const { embedded, layers, normed } = model.gpu.noGrad(() => model.forward({ inputs, batch, length }));
  results.add("logits", via, model.gpu.noGrad(() => model.head(normed)).data());
  results.add("hidden.embed", via, embedded.data());
  results.add("hidden.final_norm", via, normed.data());
  for (const [i, { hidden, experts }] of layers.entries()) {
    results.add(`hidden.layer${i}`, via, hidden.data());
    if (!experts) continue;
    const { indices } = experts.routing;
    results.add(
      `experts.layer${i}`,
      via,
      indices.data<"u32">().then((ids) => ascendingRows(ids, indices.shape[1]!)),
    );
  }
}

/** Loss and gradients as the trainer computes them; the last token of a row has no target. */
function addLoss(results: Results, model: DeepseekModel, fixture: Fixture): void {
  const { batch, length, inputs } = batchOf(fixture);
  const targets = Int32Array.from(inputs, (_, i) => (i % length === length - 1 ? -100 : inputs[i + 1]!));
  using tape = model.gpu.tape();
  const { total, terms } = model.loss({ inputs, batch, length, targets });
  results.add("loss", "loss", terms.main!.data());
  tape.backward(total);
  addModelGradients(results, model, fixture.names, "backward");
}

/** By decoding with the latent cache, and by one full forward pass over prompt and expected continuation. */
async function addGreedy(results: Results, model: DeepseekModel, fixture: Fixture, prompt: number): Promise<void> {
  const { batch, length, inputs } = batchOf(fixture);
  const count = fixture.tensor("greedy_ids").shape[1]!;
  const prompts = Array.from({ length: batch }, (_, b) => inputs.subarray(b * length, b * length + prompt));
  const continued = await generate(model, prompts, { maxNewTokens: count });
  results.add(
    "greedy_ids",
    "generate",
    continued.flatMap(({ tokens }) => [...tokens]),
  );

  const want = fixture.i32("greedy_ids");
  const rows = prompts.flatMap((row, b) => [...row, ...want.subarray(b * count, (b + 1) * count - 1)]);
  const each = rows.length / batch;
  const picked = model.gpu.noGrad(() => {
    const { normed } = model.forward({ inputs: Int32Array.from(rows), batch, length: each });
    return argmaxRows(model.head(normed)).data<"u32">();
  });
  const ids = await picked;
  const last = Array.from(
    { length: batch * count },
    (_, i) => ids[Math.floor(i / count) * each + prompt - 1 + (i % count)]!,
  );
  results.add("greedy_ids", "argmax of the full forward pass", last);
}

function batchOf(fixture: Fixture): { batch: number; length: number; inputs: Int32Array } {
  const [batch, length] = fixture.tensor("input_ids").shape as [number, number];
  return { batch, length, inputs: fixture.i32("input_ids") };
}

/** Tokens of input_ids that greedy decoding starts from: the fixture says it in words, `input_ids[:, :8]`. */
function promptLength(meta: Readonly<Record<string, unknown>>): number {
  const { meaning = "" } = (meta.tensors as Record<string, { meaning?: string }>).greedy_ids!;
  const [, length] = /input_ids\[:, ?:(\d+)\]/.exec(meaning) ?? [];
  if (length === undefined) throw new Error(`greedy_ids: no prompt length in its meaning "${meaning}"`);
  return Number(length);
}

function ascendingRows(ids: Uint32Array, width: number): Uint32Array {
  const sorted = ids.slice();
  for (let from = 0; from < sorted.length; from += width) sorted.subarray(from, from + width).sort();
  return sorted;
}
