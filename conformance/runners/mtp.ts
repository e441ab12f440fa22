import type { DeepseekLoss, DeepseekModel, DeepseekOptions, TrainingBatch } from "@ds3/deepseek";
import { loadCheckpoint } from "@ds3/deepseek/node";
import type { Fixture } from "@ds3/testing/fixtures";
import { Results, type TopicRunner } from "../topic.ts";
import { numberOf } from "./camel-keys.ts";
import { addModelGradients } from "./gradients.ts";

/** A model with multi-token prediction modules: each depth's states, logits and loss, and the gradients of the total. */
export const runMtp: TopicRunner = async ({ meta, folder, tensors }, open) => {
  const fixture = tensors();
  const gpu = await open();
  const options = {
    balanceLossWeight: 0,
    mtpLossWeight: numberOf(meta.config, "mtp_lambda"),
    mtpHidden: variantOf(meta.config.variant),
  };
  const batch = batchOf(fixture, numberOf(meta.config, "T"));
  const load = (denominator: DeepseekOptions["mtpLossDenominator"] & string): Promise<DeepseekModel> =>
    loadCheckpoint(gpu, folder, { ...options, mtpLossDenominator: denominator });
  const results = new Results();

  const model = await load("T");
  const logits = gpu.noGrad(() => model.head(model.forward(batch).normed));
  results.add("main_logits", "forward", logits.data());
  addLoss(results, model, batch, fixture);

  const mean = await load("T-k");
  results.add("mtp_losses_mean", "loss with the mean", depthLosses(gpu.noGrad(() => mean.loss(batch))));
  return results.collect();
};

function addLoss(results: Results, model: DeepseekModel, batch: TrainingBatch, fixture: Fixture): void {
  using tape = model.gpu.tape();
  const loss = model.loss(batch);
  const { total, terms, mtp } = loss;
  if (!mtp) throw new Error("the checkpoint has no multi-token prediction module");
  results.add("main_loss", "loss", terms.main!.data());
  results.add("mtp_losses_paper", "loss", depthLosses(loss));
  results.add("mtp_loss", "loss", mtp.loss.data());
  results.add("total_loss", "loss", total.data());
  for (const [i, { hidden, normed }] of mtp.depths.entries()) {
    results.add(`hidden.${i + 1}`, "loss", hidden.data());
    results.add(`logits.${i + 1}`, "loss", model.gpu.noGrad(() => model.head(normed)).data());
  }
  tape.backward(total);
  addModelGradients(results, model, fixture.names, "backward");
}

async function depthLosses({ mtp }: DeepseekLoss): Promise<number[]> {
  return Promise.all(mtp!.depths.map(({ loss }) => loss.item()));
}

/** tokens [B, T + 1]: the first T are inputs, the last T targets. */
function batchOf(fixture: Fixture, length: number): TrainingBatch {
  const [batch, width] = fixture.tensor("tokens").shape as [number, number];
  const tokens = fixture.i32("tokens");
  const shifted = (by: number): Int32Array =>
    Int32Array.from({ length: batch * length }, (_, i) => tokens[Math.floor(i / length) * width + (i % length) + by]!);
  return { batch, length, inputs: shifted(0), targets: shifted(1) };
}

function variantOf(variant: unknown): "normed" | "raw" {
  if (variant === "normed" || variant === "raw") return variant;
  throw new Error(`config.variant: expected "normed" or "raw", got ${JSON.stringify(variant)}`);
}
