import { ConfigError, ShapeError } from "@ds3/errors";
import {
  addScaled,
  type CrossEntropyOptions,
  linearCrossEntropy,
  scale,
  splitColumns,
  type Tensor,
  totalWeight,
} from "@ds3/tensor";
import { type Block, type Linear, type MtpModuleParameters, type MtpRows, mtpModule } from "./mtp-module.ts";
import type { MtpConfig } from "./types.ts";

/** Label that no loss counts. */
const IGNORED_LABEL = -100;

/** One depth: its weights and its transformer block. */
export interface MtpDepth {
  readonly parameters: MtpModuleParameters;
  readonly block: Block;
}

/** The main model's embedding and head, which all depths share. */
export interface MtpSharedLayers {
  /** ids [R] -> [R, D] */
  readonly embed: (ids: Int32Array) => Tensor;
  /** Weight of the head [V, D]: logits [R, V] are normed states times its transpose, and never stored as a whole. */
  readonly head: Tensor;
}

/** `batch` sequences of `length` tokens. */
export interface MtpBatch extends MtpRows {
  /** h^0 [batch x length, D]: after the main model's final norm for `normed`, before it for `raw`. */
  readonly hidden: Tensor;
  /** [batch x length] */
  readonly inputIds: Int32Array;
  /** [batch x length]: the main model's labels, the token after each input; -100 is not counted. */
  readonly labels: Int32Array;
  /** [batch x length] how much each label counts, finite and >= 0. Default: 1 each. */
  readonly weights?: Float32Array;
  /** [batch x length] document of each token within its sequence: a depth predicts within its row's own only. */
  readonly documentIds?: Int32Array;
}

/** What one depth computed. */
export interface MtpDepthOutput {
  /** h^k [batch x (length - k), D] */
  readonly hidden: Tensor;
  /** norm(h^k) [batch x (length - k), D], the head's input; row i predicts labels[i + k]. */
  readonly normed: Tensor;
  /** L^k [1], nats, by the configured denominator. */
  readonly loss: Tensor;
}

/** All depths and their weighted sum. */
export interface MtpOutput {
  readonly depths: readonly MtpDepthOutput[];
  /** lambda / D sum_k L^k [1] (Eq. 25). */
  readonly loss: Tensor;
}

/**
 * Runs all multi-token prediction depths and their loss (DeepSeek-V3 report, Eq. 21 to 25). Depth k reads rows
 * 0 .. T-k-1 of h^(k-1) with the embeddings of tokens k .. T-1, and predicts the token k + 1 places ahead.
 *
 * @throws ConfigError when there is no depth; ShapeError when T is not larger than the number of depths.
 */
export function mtpLoss(
  config: MtpConfig,
  batch: MtpBatch,
  depths: readonly MtpDepth[],
  shared: MtpSharedLayers,
  linear?: Linear,
): MtpOutput {
  check(batch, depths.length);
  const outputs: MtpDepthOutput[] = [];
  let { hidden } = batch;
  for (const [i, depth] of depths.entries()) {
    const output = runDepth(config, batch, hidden, i + 1, depth, shared, linear);
    hidden = config.mtpHidden === "normed" ? output.normed : output.hidden;
    outputs.push(output);
  }
  const weight = config.mtpLossWeight / depths.length;
  const first = scale(outputs[0]!.loss, weight);
  return { depths: outputs, loss: outputs.slice(1).reduce((sum, { loss }) => addScaled(sum, loss, weight), first) };
}

function runDepth(
  config: MtpConfig,
  batch: MtpBatch,
  previous: Tensor,
  k: number,
  { parameters, block }: MtpDepth,
  { embed, head }: MtpSharedLayers,
  linear: Linear | undefined,
): MtpDepthOutput {
  const rows = { batch: batch.batch, length: batch.length - k };
  const inputs = {
    ...rows,
    hidden: dropLastRow(previous, rows),
    embedded: embed(fromColumn(batch.inputIds, batch, k)),
  };
  const { hidden, normed } = mtpModule(inputs, parameters, block, config, linear);
  const loss = linearCrossEntropy(normed, head, labelsOf(batch, k), countingOf(config, batch, k));
  return { hidden, normed, loss };
}

/**
 * Eq. 24 divides by T although depth k has T - k terms; labels that are ignored count in neither. A label has the same
 * weight at every depth.
 */
function countingOf({ mtpLossDenominator }: MtpConfig, batch: MtpBatch, k: number): CrossEntropyOptions {
  const { labels, weights } = batch;
  return {
    weights: weights && fromColumn(weights, batch, k),
    denominator: mtpLossDenominator === "T" ? totalWeight(labels, weights) : undefined,
  };
}

/** [B x (L + 1), D] without the last row of every sequence. */
function dropLastRow(x: Tensor, { batch, length }: MtpRows): Tensor {
  const D = x.shape[1]!;
  const [kept] = splitColumns(x.reshape([batch, (length + 1) * D]), [length * D, D]);
  return kept!.reshape([batch * length, D]);
}

/** Columns k .. T-1 of values [B, T]. */
function fromColumn<Values extends Int32Array | Float32Array>(
  values: Values,
  { batch, length }: MtpRows,
  k: number,
): Values {
  const kept = values.slice(0, batch * (length - k)) as Values;
  for (let b = 0; b < batch; b++) kept.set(values.subarray(b * length + k, (b + 1) * length), b * (length - k));
  return kept;
}

/** Labels of depth k; ignored where the token k places on, which the row embeds, begins another document. */
function labelsOf({ documentIds, ...batch }: MtpBatch, k: number): Int32Array {
  const labels = fromColumn(batch.labels, batch, k);
  if (!documentIds) return labels;
  const theirs = fromColumn(documentIds, batch, k);
  const kept = batch.length - k;
  return labels.map((label, i) => {
    const own = documentIds[Math.floor(i / kept) * batch.length + (i % kept)];
    return own === theirs[i] ? label : IGNORED_LABEL;
  });
}

function check({ batch, length, hidden, inputIds, labels, weights }: MtpBatch, depths: number): void {
  const op = "mtpLoss";
  if (depths === 0) throw new ConfigError({ op, operand: "depths", expected: "at least one", actual: "none" });
  if (length <= depths) {
    throw new ShapeError({
      op,
      operand: "length",
      expected: `more than ${depths} tokens a sequence`,
      actual: `${length}`,
    });
  }
  const rows = batch * length;
  for (const [operand, actual] of [
    ["hidden", hidden.shape[0]],
    ["inputIds", inputIds.length],
    ["labels", labels.length],
    ["weights", weights?.length ?? rows],
  ]) {
    if (actual !== rows)
      throw new ShapeError({
        op,
        operand: `${operand}`,
        expected: `batch x length = ${rows} rows`,
        actual: `${actual}`,
      });
  }
}
