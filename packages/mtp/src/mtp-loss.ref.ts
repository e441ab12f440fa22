import {
  type CrossEntropyRefOptions,
  crossEntropyBackwardRef,
  crossEntropyRef,
  IGNORED_LABEL,
  linearBackwardRef,
  linearRef,
} from "@ds3/tensor/reference";
import {
  type BlockRef,
  type MtpModuleRefResult,
  type MtpModuleRefWeights,
  type MtpRefRows,
  mtpModuleRef,
} from "./mtp-module.ref.ts";
import type { MtpConfig } from "./types.ts";

/** Everything that all depths read; the modules in order of depth, each with its block. */
export interface MtpRefParameters {
  /** model.embed_tokens.weight, shared with the main model, [V, D]. */
  readonly embedding: Float64Array;
  /** lm_head.weight, shared with the main model, [V, D]. */
  readonly head: Float64Array;
  readonly modules: readonly MtpModuleRefWeights[];
  readonly blocks: readonly BlockRef[];
}

/** A batch for {@link mtpLossRef}: batch sequences of length T. */
export interface MtpRefBatch extends MtpRefRows {
  /** h^0, [B, T, D]: the main model's hidden state, after its final norm for `normed`, before it for `raw`. */
  readonly hidden: Float64Array;
  /** [B, T] */
  readonly inputIds: ArrayLike<number>;
  /** [B, T]: the main model's labels, so labels[i] is the token after inputIds[i], or ignored. */
  readonly labels: ArrayLike<number>;
  /** [B, T] weight of each label in every depth's loss; default 1. */
  readonly weights?: ArrayLike<number>;
  /** [B, T]: with it a label of another document than its row's is ignored. */
  readonly documentIds?: ArrayLike<number>;
}

/** What one depth computed. */
export interface MtpRefDepth {
  /** [B, T-k, D] */
  readonly hidden: Float64Array;
  /** [B, T-k, V]; row i predicts labels[i + k]. */
  readonly logits: Float64Array;
  /** L^k (Eq. 24), in nats, by the configured denominator. */
  readonly loss: number;
}

/** Gradients of {@link mtpLossRef}. */
export interface MtpRefGradients {
  readonly hidden: Float64Array;
  readonly embedding: Float64Array;
  readonly head: Float64Array;
  readonly modules: readonly MtpModuleRefWeights[];
}

/** Result of {@link mtpLossRef}. */
export interface MtpRefResult {
  readonly depths: readonly MtpRefDepth[];
  /** lambda / D sum_k L^k (Eq. 25). */
  readonly loss: number;
  /** Gradients of `loss` times gradLoss. */
  readonly backward: (gradLoss?: number) => MtpRefGradients;
}

interface DepthState extends MtpRefDepth {
  readonly module: MtpModuleRefResult;
  readonly labels: Int32Array;
  /** How the rows' losses become L^k. */
  readonly counting: CrossEntropyRefOptions;
}

/**
 * All multi-token prediction depths and their loss, f64 (report, Eq. 21-25). Depth k reads rows 0..T-k-1 of h^(k-1) and
 * the embeddings of tokens k..T-1, and predicts the token k + 1 places ahead.
 */
export function mtpLossRef(config: MtpConfig, parameters: MtpRefParameters, batch: MtpRefBatch): MtpRefResult {
  const states: DepthState[] = [];
  let hidden = batch.hidden;
  for (let k = 1; k <= parameters.modules.length; k++) {
    const state = runDepth(config, parameters, batch, k, hidden);
    hidden = config.mtpHidden === "normed" ? state.module.normed : state.hidden;
    states.push(state);
  }
  const weight = config.mtpLossWeight / Math.max(1, states.length);
  const loss = weight * states.reduce((sum, state) => sum + state.loss, 0);
  const backward = (gradLoss = 1) => mtpBackward(config, parameters, batch, states, gradLoss * weight);
  return { depths: states.map(({ hidden: h, logits, loss: l }) => ({ hidden: h, logits, loss: l })), loss, backward };
}

function runDepth(
  config: MtpConfig,
  parameters: MtpRefParameters,
  batch: MtpRefBatch,
  k: number,
  previous: Float64Array,
): DepthState {
  const { hiddenSize: D, vocabSize } = config;
  const length = batch.length - k;
  const ids = shiftRows(batch.inputIds, batch, k);
  const embedding = new Float64Array(ids.length * D);
  ids.forEach((id, i) => {
    embedding.set(parameters.embedding.subarray(id * D, (id + 1) * D), i * D);
  });
  const inputs = { batch: batch.batch, length, hidden: dropLastRow(previous, batch.batch, length, D), embedding };
  const module = mtpModuleRef(config, parameters.modules[k - 1], parameters.blocks[k - 1], inputs);
  const logits = linearRef(module.normed, parameters.head, D);
  const labels = shiftRows(batch.labels, batch, k);
  for (let i = 0; batch.documentIds && i < labels.length; i++) {
    const at = Math.floor(i / length) * batch.length + (i % length);
    if (batch.documentIds[at] !== batch.documentIds[at + k]) labels[i] = IGNORED_LABEL;
  }
  const weights = Float64Array.from({ length: labels.length }, (_, i) => {
    return batch.weights?.[Math.floor(i / length) * batch.length + (i % length) + k] ?? 1;
  });
  const denominator = config.mtpLossDenominator === "T" ? countedWeight(batch) || 1 : undefined;
  const counting = { vocabSize, denominator, weights };
  const { loss } = crossEntropyRef(logits, labels, counting);
  return { module, hidden: module.hidden, logits, loss, labels, counting };
}

/** Sum of the weights of all labels that are not ignored: T of Eq. 24. */
function countedWeight({ batch, length, labels, weights }: MtpRefBatch): number {
  let sum = 0;
  for (let i = 0; i < batch * length; i++) sum += labels[i] === IGNORED_LABEL ? 0 : (weights?.[i] ?? 1);
  return sum;
}

function mtpBackward(
  config: MtpConfig,
  parameters: MtpRefParameters,
  batch: MtpRefBatch,
  states: readonly DepthState[],
  gradLoss: number,
): MtpRefGradients {
  const { hiddenSize: D, mtpHidden } = config;
  const embedding = new Float64Array(parameters.embedding.length);
  const head = new Float64Array(parameters.head.length);
  const modules: MtpModuleRefWeights[] = [];
  let fromNext: Float64Array | undefined;
  for (let k = states.length; k >= 1; k--) {
    const { module, logits, labels, counting } = states[k - 1];
    const gradLogits = crossEntropyBackwardRef(gradLoss, logits, labels, counting);
    const { x: gradNormed, weight } = linearBackwardRef(gradLogits, module.normed, parameters.head, D);
    addTo(head, weight);
    if (mtpHidden === "normed" && fromNext !== undefined) addTo(gradNormed, fromNext);
    const direct = mtpHidden === "raw" && fromNext !== undefined ? { hidden: fromNext } : {};
    const grads = module.backward({ normed: gradNormed, ...direct });
    shiftRows(batch.inputIds, batch, k).forEach((id, i) => {
      addTo(embedding.subarray(id * D, (id + 1) * D), grads.embedding.subarray(i * D, (i + 1) * D));
    });
    modules.unshift(grads.weights);
    fromNext = appendZeroRow(grads.hidden, batch.batch, batch.length - k, D);
  }
  return { hidden: fromNext ?? new Float64Array(batch.hidden.length), embedding, head, modules };
}

/** [B, T] to [B, T - k], starting at column k. */
function shiftRows(ids: ArrayLike<number>, { batch, length: T }: MtpRefRows, k: number): Int32Array {
  return Int32Array.from({ length: batch * (T - k) }, (_, i) => ids[Math.floor(i / (T - k)) * T + k + (i % (T - k))]);
}

/** [B, L + 1, D] to [B, L, D]. */
function dropLastRow(x: Float64Array, B: number, L: number, D: number): Float64Array {
  const out = new Float64Array(B * L * D);
  for (let b = 0; b < B; b++) out.set(x.subarray(b * (L + 1) * D, (b * (L + 1) + L) * D), b * L * D);
  return out;
}

/** [B, L, D] to [B, L + 1, D] with zeros at the end of every sequence: the gradient of dropLastRow. */
function appendZeroRow(x: Float64Array, B: number, L: number, D: number): Float64Array {
  const out = new Float64Array(B * (L + 1) * D);
  for (let b = 0; b < B; b++) out.set(x.subarray(b * L * D, (b + 1) * L * D), b * (L + 1) * D);
  return out;
}

function addTo(target: Float64Array, values: Float64Array): void {
  values.forEach((value, i) => {
    target[i] += value;
  });
}
