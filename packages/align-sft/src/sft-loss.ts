import { crossEntropy, IGNORED_TARGET } from "@ds3/tensor";
import type { LossOutput, Policy } from "@ds3/trainer";
import type { SftBatch } from "./create-sft-batches.ts";

/**
 * Mean cross-entropy [1] in nats over a batch's targets, for a model that is known by its logits alone: with it any policy
 * is a model for `fineTune`. Only rows with a target go through the policy's head.
 *
 * A batch without a target gives 0, and nothing is run.
 */
export function sftLoss(policy: Policy, batch: SftBatch): LossOutput {
  const rows = Int32Array.from([...batch.targets.keys()].filter((row) => batch.targets[row] !== IGNORED_TARGET));
  const targets = rows.map((row) => batch.targets[row]!);
  const main = rows.length === 0 ? policy.gpu.zeros([1]) : crossEntropy(policy.logits(batch, rows, true), targets);
  return { total: main, terms: { main } };
}
