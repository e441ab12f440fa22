/*
 * Cross-entropy of a linear head without its logits [T, V], the largest tensor of a training step. The vocabulary goes by
 * in chunks of the weight's rows: forward keeps of each row its running maximum, sum of exponentials and target logit
 * (an online softmax), backward computes each chunk's logits again, turns them into their gradient in place and adds both
 * products to the gradients. That costs one product more, so as long as the logits are small there is one chunk, which
 * keeps them: then the op is matmul and crossEntropy.
 */
import { OutOfRangeError } from "@ds3/errors";
import { crossEntropy, sumLoss, uploadWeights } from "./cross-entropy.ts";
import { dims } from "./dims.ts";
import { assertDtype, type Gpu } from "./gpu.ts";
import { assertIds } from "./host-ids.ts";
import { cachedTemplate } from "./kernel.ts";
import { foldLogitsWgsl } from "./linear-cross-entropy.wgsl.ts";
import { type CrossEntropyOptions, type LossRows, lossRows } from "./loss-rows.ts";
import { matmul, matmulInto } from "./matmul.ts";
import { dispatchRows } from "./row-kernel.ts";
import { type GradientSink, record } from "./tape.ts";
import { teamOf } from "./target.ts";
import type { Tensor } from "./tensor.ts";
import { IGNORED_TARGET, overwriteLogits } from "./token-log-probs.ts";

/** Logits that exist at a time when no chunk is given: beyond, recomputing them is cheaper than what they would take. */
const LOGITS_BYTES = 64 * 1024 * 1024;

const foldKernel = cachedTemplate(foldLogitsWgsl);

/** How rows become one number, and how much of the vocabulary is in memory at a time. */
export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /**
   * Most rows of the weight at a time; chunks are about equal and start at the adapter's alignment, so one may need up to
   * 64 rows. Default: all, as long as T x V logits take 64 MiB at most and logits and weight fit a binding of the adapter
   * each; else as many as do.
   */
  readonly chunk?: number;
}

/** Rows `from` to `to` (excluded) of the weight. */
interface Chunk {
  readonly from: number;
  readonly to: number;
}

/** What backward needs of the forward pass over all chunks, beside x and weight. */
interface FoldedRows {
  /** [T] nats, 0 where ignored. */
  readonly logProbs: Tensor;
  /** [T] log-sum-exp of the row's logits. */
  readonly lse: Tensor;
  /** [T] i32. */
  readonly targets: Tensor;
  /** Of the logits' temperature, which is 1. */
  readonly inverse: 1;
}

/**
 * Mean cross-entropy [1] in nats of the logits x W^T for targets [T], x [T, D] and weight W [V, D] f32; IGNORED_TARGET =
 * -100 leaves a row out, and with every row left out loss and gradients are 0. With `weights` [T] the weighted mean. V >= 1.
 *
 * Cost: three products of T x V x D multiplications in all with one chunk, four with several; at most T x chunk logits.
 * @throws OutOfRangeError for a target, weight, denominator or chunk out of range; ShapeError; DtypeError.
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor,
  targets: Int32Array,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  const op = "linearCrossEntropy";
  assertDtype(op, "x", x, "f32");
  assertDtype(op, "weight", weight, "f32");
  const shapes = { x, targets: { shape: [targets.length] }, weight };
  const { V } = dims(op, { x: "T D", targets: "T", weight: "V D" }, shapes);
  assertIds(targets, { op, operand: "targets", limit: V, limitName: "V", ignored: IGNORED_TARGET });
  const rows = lossRows(op, targets, options);
  const chunks = planChunks(x, weight, options.chunk);
  if (chunks.length === 1) return crossEntropy(matmul(x, weight, { layout: "nt" }), targets, options);
  // Backward writes both gradients side by side, so they must be two.
  const ownWeight = weight === x ? weight.reshape(weight.shape) : weight;
  return chunkedLoss(x, ownWeight, rows, chunks);
}

function chunkedLoss(x: Tensor, weight: Tensor, counted: LossRows, chunks: readonly Chunk[]): Tensor {
  const { gpu } = x;
  const rows = gpu.noGrad(() => foldChunks(x, weight, counted.targets, chunks));
  const weights = uploadWeights(gpu, counted);
  const loss = sumLoss(rows.logProbs, counted.factor, weights);
  record(gpu, {
    label: "linearCrossEntropy",
    inputs: [x, weight],
    outputs: [loss],
    saved: [x, weight, rows.lse, rows.targets, ...Object.values(weights)],
    backward: ([dloss], sink) => {
      const gradient = { dlogProbs: dloss!, factor: -counted.factor, ...weights };
      const [dx, dweight] = [gradientOf(x, sink), gradientOf(weight, sink)];
      for (const chunk of chunks) {
        const part = weight.slice(chunk.from, chunk.to);
        const logits = matmul(x, part, { layout: "nt" });
        overwriteLogits(logits, rows, gradient, chunk.from);
        if (dx) matmulInto(dx.target, logits, part, { accumulate: dx.accumulate || chunk.from > 0 });
        if (dweight) {
          const target = dweight.target.slice(chunk.from, chunk.to);
          matmulInto(target, logits, x, { layout: "tn", accumulate: dweight.accumulate });
        }
        gpu.free(logits);
      }
    },
  });
  return loss;
}

/** A pass over all chunks; logits are freed before the next ones come, so that these take their memory. */
function foldChunks(x: Tensor, weight: Tensor, labels: Int32Array, chunks: readonly Chunk[]): FoldedRows {
  const { gpu } = x;
  const T = labels.length;
  const targets = gpu.tensor(labels, [T], "i32", "targets");
  const [lse, logProbs, sum] = ["log-sum-exp", "log-probs", "sum"].map((label) => gpu.empty([T], "f32", label)) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const kernel = foldKernel({ team: teamOf(gpu.target) });
  for (const [i, { from, to }] of chunks.entries()) {
    const logits = matmul(x, weight.slice(from, to), { layout: "nt" });
    const operands = { logits, targets, maximum: lse, sum, own: logProbs };
    const ends = { isFirst: i === 0 ? 1 : 0, isLast: i === chunks.length - 1 ? 1 : 0 };
    const columns = to - from;
    dispatchRows(gpu, kernel, operands, { V: columns, first: from, ...ends, inverse: 1 }, { rows: T, columns });
    gpu.free(logits);
  }
  gpu.free(sum);
  return { logProbs, lse, targets, inverse: 1 };
}

/**
 * Where an input's gradient is written, undefined when nobody asks for it. The chunks write later than `into` expects,
 * but within the same rule, before anyone reads.
 */
function gradientOf(
  input: Tensor,
  sink: GradientSink,
): { readonly target: Tensor; readonly accumulate: boolean } | undefined {
  let place: { readonly target: Tensor; readonly accumulate: boolean } | undefined;
  sink.into(input, (target, accumulate) => {
    place = { target, accumulate };
  });
  return place;
}

/** The chunks of a vocabulary. @throws OutOfRangeError for a wanted number of rows that is none. */
function planChunks({ gpu, shape: [T] }: Tensor, { shape }: Tensor, wanted: number | undefined): Chunk[] {
  const [V, D] = shape as readonly [number, number];
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1)) {
    const expected = "an integer >= 1";
    throw new OutOfRangeError({ op: "linearCrossEntropy", operand: "chunk", expected, actual: `${wanted}` });
  }
  const rows = Math.min(V, wanted ?? rowsThatFit(gpu, T!, D));
  if (rows === V) return [{ from: 0, to: V }];
  // Slices of a multiple of so many rows start at the alignment.
  const elements = gpu.device.limits.minStorageBufferOffsetAlignment / 4;
  const step = elements / greatestCommonDivisor(elements, D);
  const most = Math.max(step, Math.floor(rows / step) * step);
  const size = Math.ceil(V / Math.ceil(V / most) / step) * step;
  return Array.from({ length: Math.ceil(V / size) }, (_, i) => ({ from: i * size, to: Math.min(V, (i + 1) * size) }));
}

/** Rows of a weight [V, D] whose T logits each stay within the budget, and which fit a binding themselves. */
function rowsThatFit(gpu: Gpu, T: number, D: number): number {
  const logits = Math.min(LOGITS_BYTES, gpu.maxBindingBytes) / (4 * T);
  return Math.max(1, Math.floor(Math.min(logits, gpu.maxBindingBytes / (4 * D))));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
