import { createSftBatches, type SftBatch, type SftSample } from "@ds3/align-sft";
import type { DeepseekModel } from "@ds3/deepseek";
import { loadCheckpoint } from "@ds3/deepseek/node";
import { IGNORED_TARGET } from "@ds3/tensor";
import type { Fixture } from "@ds3/testing/fixtures";
import { Results, type TopicRunner } from "../topic.ts";
import { addModelGradients } from "./gradients.ts";

/**
 * Fine-tuning on packed sequences, in two ways: the fixture's own row, and the rows that the package packs from its
 * sequences, with targets from masks.
 */
export const runSftPacked: TopicRunner = async ({ folder, tensors }, open) => {
  const fixture = tensors();
  const gpu = await open();
  // The reference's loss is the cross-entropy alone.
  const model = await loadCheckpoint(gpu, folder, { balanceLossWeight: 0 });
  const results = new Results();
  const given = givenRow(fixture);
  results.add("logits", "the fixture's row", logitsOf(model, given));
  addLoss(results, model, given, fixture, "the fixture's row");

  const samples = samplesOf(fixture);
  const packed = createSftBatches(samples, { batch: 1, length: given.length }).next();
  await addPackedLogits(results, model, packed, samples, fixture);
  addLoss(results, model, packed, fixture, "createSftBatches");
  return results.collect();
};

function logitsOf(model: DeepseekModel, batch: SftBatch): Promise<Float32Array> {
  return model.gpu.noGrad(() => model.head(model.forward(batch).normed)).data();
}

function addLoss(results: Results, model: DeepseekModel, batch: SftBatch, fixture: Fixture, via: string): void {
  model.arena.zeroGradients();
  using tape = model.gpu.tape();
  const { total } = model.loss(batch);
  results.add("loss", via, total.data());
  tape.backward(total);
  addModelGradients(results, model, fixture.names, via);
}

/** The stored arrays as a batch of one row. */
function givenRow(fixture: Fixture): SftBatch {
  const [inputs, targets] = [fixture.i32("input_ids"), fixture.i32("labels")];
  const targetCount = targets.filter((target) => target !== IGNORED_TARGET).length;
  const positions = fixture.i32("position_ids");
  const documentIds = fixture.i32("segment_ids");
  const { length } = inputs;
  return { inputs, targets, positions, documentIds, batch: 1, length, targetCount, tokenCount: length };
}

/** The stored sequences: a token is an assistant's where the place before it has a label. */
function samplesOf(fixture: Fixture): SftSample[] {
  const [ids, labels, borders] = [fixture.i32("input_ids"), fixture.i32("labels"), fixture.i32("cu_seqlens")];
  return Array.from({ length: borders.length - 1 }, (_, s) => {
    const [from, to] = [borders[s]!, borders[s + 1]!];
    const mask = Uint8Array.from({ length: to - from }, (_, i) =>
      i > 0 && labels[from + i - 1] !== IGNORED_TARGET ? 1 : 0,
    );
    return { ids: ids.slice(from, to), assistantMask: mask };
  });
}

/** Logits of packed rows, at the places that their tokens have in the fixture's row. */
async function addPackedLogits(
  results: Results,
  model: DeepseekModel,
  batch: SftBatch,
  samples: readonly SftSample[],
  fixture: Fixture,
): Promise<void> {
  const logits = await logitsOf(model, batch);
  const vocabSize = model.config.vocabSize;
  const borders = fixture.i32("cu_seqlens");
  for (const [s, { ids, assistantMask }] of samples.entries()) {
    const kept = Math.max(0, assistantMask.lastIndexOf(1));
    if (kept === 0) continue;
    const start = batch.positions.findIndex(
      (position, at) => position === 0 && ids.subarray(0, kept).every((id, i) => batch.inputs[at + i] === id),
    );
    const at = Array.from({ length: kept * vocabSize }, (_, i) => borders[s]! * vocabSize + i);
    results.add("logits", "createSftBatches", logits.slice(start * vocabSize, (start + kept) * vocabSize), at);
  }
}
