/*
 * Log-probabilities of given tokens, log softmax(logits / temperature) at the target. With V in the ten thousands the
 * logits are the largest tensor of a step, so they exist once: forward keeps one log-sum-exp a row, and backward turns
 * the logits' own memory into their gradient, (onehot - softmax) / temperature. Cross-entropy is a sum of these.
 */
import { OutOfRangeError, StateError } from "@ds3/errors";
import { copyTensor } from "./accumulate.ts";
import { dims } from "./dims.ts";
import { assertDtype } from "./gpu.ts";
import { uploadIds } from "./host-ids.ts";
import { cachedTemplate } from "./kernel.ts";
import { dispatchRows, lanesOf, vectorWidth } from "./row-kernel.ts";
import { record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";
import { tokenLogProbsGradientWgsl, tokenLogProbsWgsl } from "./token-log-probs.wgsl.ts";

/** A target that counts for nothing: no loss, no log-probability, no gradient, not in a mean's denominator. */
export const IGNORED_TARGET = -100;

/** 1 / temperature stays within these, far from where f32 has no normal numbers: 0 x infinity would be NaN. */
const LARGEST_INVERSE = 1e30;
const SMALLEST_INVERSE = 1e-30;

const rowsKernel = cachedTemplate(tokenLogProbsWgsl);
const gradientKernel = cachedTemplate(tokenLogProbsGradientWgsl);

/** Logits that the backward of a loss has turned into gradients. */
const overwritten = new WeakSet<Tensor>();

/** What divides the logits. */
export interface TokenLogProbsOptions {
  /** Above 0 and finite. Default 1. */
  readonly temperature?: number;
}

/** What backward needs of a forward pass over rows of logits. */
export interface RowLogProbs {
  /** [T] nats, 0 where ignored. */
  readonly logProbs: Tensor;
  /** [T] log-sum-exp of the row's logits / temperature. */
  readonly lse: Tensor;
  /** [T] i32. */
  readonly targets: Tensor;
  /** 1 / temperature. */
  readonly inverse: number;
}

/** The gradient that arrives at rows of log-probabilities. */
export interface RowGradient {
  /** [T], one for each row, or [1], one for all. */
  readonly dlogProbs: Tensor;
  /** Multiplies it. */
  readonly factor: number;
  /** [T] multiplies each row's, too. */
  readonly weights?: Tensor;
}

/**
 * Log-probabilities [R] in nats of the targets [R] under logits [R, V] f32: log softmax(logits / temperature) at the
 * target; 0, and no gradient, where the target is IGNORED_TARGET = -100. V >= 1.
 *
 * Backward overwrites the memory of `logits` with their gradient: no other op may need their values then. Only logits
 * that are a parameter, or a view off the adapter's alignment, are copied first.
 *
 * @throws OutOfRangeError for a target or temperature out of range; ShapeError; DtypeError; StateError in backward when
 * the same logits have two losses.
 */
export function tokenLogProbs(logits: Tensor, targets: Int32Array, options: TokenLogProbsOptions = {}): Tensor {
  const rows = rowLogProbs("tokenLogProbs", logits, targets, options.temperature);
  const { logProbs } = rows;
  record(logits.gpu, {
    label: "tokenLogProbs",
    inputs: [logits],
    outputs: [logProbs],
    saved: [logits, rows.lse, rows.targets],
    backward: ([dlogProbs], sink) => {
      if (!sink.wants(logits)) return;
      sink.add(logits, logitsGradient("tokenLogProbs", logits, rows, { dlogProbs: dlogProbs!, factor: 1 }));
    },
  });
  return logProbs;
}

/** The forward pass, recorded by the op that calls it. */
export function rowLogProbs(op: string, logits: Tensor, labels: Int32Array, temperature = 1): RowLogProbs {
  assertDtype(op, "logits", logits, "f32");
  const { T, V } = dims(op, { targets: "T", logits: "T V" }, { targets: { shape: [labels.length] }, logits });
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    const expected = "> 0 and finite";
    throw new OutOfRangeError({ op, operand: "temperature", expected, actual: `${temperature}` });
  }
  const { gpu } = logits;
  const range = { op, operand: "targets", limit: V, limitName: "V", ignored: IGNORED_TARGET };
  const targets = uploadIds(gpu, labels, [T], range);
  const logProbs = gpu.empty([T], "f32", "row log-probs");
  const lse = gpu.empty([T], "f32", "row log-sum-exp");
  const kernel = rowsKernel({ team: teamOf(gpu.target) });
  const inverse = inverseTemperature(temperature);
  dispatchRows(gpu, kernel, { logits, targets, logProbs, lse }, { V, inverse }, { rows: T, columns: V });
  return { logProbs, lse, targets, inverse };
}

/** Gradient of the logits [T, V], in their own memory where that may be overwritten. Throws StateError the second time. */
export function logitsGradient(op: string, logits: Tensor, rows: RowLogProbs, gradient: RowGradient): Tensor {
  if (overwritten.has(logits)) {
    throw new StateError({
      op,
      operand: "logits",
      expected: "logits with one loss",
      actual: "logits that another loss's backward has overwritten",
      hint: "Compute the logits once for each loss, or add up the losses of their rows.",
    });
  }
  const target = isOverwritable(logits) ? logits : copyTensor(logits);
  if (target === logits) overwritten.add(logits);
  overwriteLogits(target, rows, gradient);
  return target;
}

/** Turns logits [T, V] of the ids from `first` on into their gradient, in place. */
export function overwriteLogits(
  logits: Tensor,
  { targets, lse, inverse }: Omit<RowLogProbs, "logProbs">,
  { dlogProbs, factor, weights }: RowGradient,
  first = 0,
): void {
  const { gpu } = logits;
  const [T, V] = logits.shape as readonly [number, number];
  const width = vectorWidth(V);
  const uniforms = { V: V / width, first, inverse, factor: factor * inverse, stride: dlogProbs.size === 1 ? 0 : 1 };
  const kernel = gradientKernel({ lanes: lanesOf(gpu.target), vectors: width > 1, weighted: weights !== undefined });
  const operands = { logits, targets, lse, dlogProbs, ...(weights ? { weights } : {}) };
  dispatchRows(gpu, kernel, operands, uniforms, { rows: T, columns: V / width });
}

/** 1 / temperature as kernels take it. */
export function inverseTemperature(temperature: number): number {
  return Math.min(LARGEST_INVERSE, Math.max(SMALLEST_INVERSE, 1 / temperature));
}

/** A parameter's values stay, and only aligned memory can be bound for writing. */
function isOverwritable({ gpu, grad, byteOffset }: Tensor): boolean {
  return grad === undefined && byteOffset % gpu.device.limits.minStorageBufferOffsetAlignment === 0;
}
