import { ShapeError } from "@ds3/errors";
import { addScaled, type Gpu, gradientNorm, scale, type Tensor } from "@ds3/tensor";
import { carryFailure } from "./carry-failure.ts";
import type { MicroBatches } from "./micro-batches.ts";
import type { Optimizer } from "./optimizer.ts";
import type { LossOutput, StepRecord, TrainableModel } from "./types.ts";

/** What one optimiser step needs to know. */
export interface StepPlan {
  /** From 1. */
  readonly step: number;
  /** Training tokens before this step. */
  readonly tokens: number;
  readonly learningRate: number;
  readonly clipNorm: number;
}

/** Figures of a step, on their way from the GPU. */
export interface PendingStep {
  /** Training tokens, this step included. */
  readonly tokens: number;
  /** Resolves once the GPU got there. `finite` is false when nothing of the step was applied. */
  readonly figures: Promise<{ readonly record: StepRecord; readonly finite: boolean }>;
}

/** No gradient norm in f32 is above it. */
const MAX_F32 = 3.4e38;
/** Elements of `gradientNorm`'s stats: norm, clip factor, non-finite flag, loss. */
const STATS = 4;

/**
 * Encodes one optimiser step: forward and backward of each micro-batch, gradient norm, AdamW, `afterStep`. Gradients add
 * up in f32 and are those of the mean of the micro-batches' losses, each by its share. A micro-batch without a share is not
 * run; when none has one, loss and gradients are 0 and there are no terms. Nothing here waits for the GPU. After a step
 * that was not finite no later one is applied either.
 *
 * @throws ShapeError when the loss or a term is not one number.
 */
export function encodeStep<Batch>(
  model: TrainableModel<Batch>,
  microBatches: MicroBatches<Batch>,
  optimizer: Optimizer,
  plan: StepPlan,
): PendingStep {
  using _scope = model.gpu.scope(`step ${plan.step}`);
  const { figures: packed, names, loadShape } = encodeUpdate(model, microBatches, optimizer, plan);
  const tokens = plan.tokens + microBatches.tokens;
  const after = { ...plan, tokens, microBatches: microBatches.batches.length };
  const figures = packed.data<"u32">().then((data) => createRecord(after, names, data, loadShape));
  // Read a step late: a rejection before that is not unhandled.
  figures.catch(() => {});
  model.afterStep?.();
  return { tokens, figures };
}

/** What an update leaves to be read: its stats, terms and expert loads as one tensor of words. */
interface EncodedUpdate {
  readonly figures: Tensor;
  /** Of the terms. */
  readonly names: readonly string[];
  readonly loadShape: readonly number[] | undefined;
}

/** Encodes gradients and AdamW's step; all that an optimiser step is but reading its figures and `afterStep`. */
export function encodeUpdate<Batch>(
  model: TrainableModel<Batch>,
  microBatches: MicroBatches<Batch>,
  optimizer: Optimizer,
  { learningRate, clipNorm }: Pick<StepPlan, "learningRate" | "clipNorm">,
): EncodedUpdate {
  const { gpu, arena } = model;
  arena.zeroGradients();
  const { total, terms } = accumulate(model, microBatches);
  const loss = carryFailure(total, optimizer.lastStats);
  const stats = gradientNorm(arena.segments, loss, Math.min(clipNorm, MAX_F32));
  optimizer.step(learningRate, stats);
  const loads = model.expertLoads?.();
  const figures = pack(gpu, [stats, ...Object.values(terms), ...(loads ? [loads] : [])]);
  return { figures, names: Object.keys(terms), loadShape: loads?.shape };
}

/** Loss and terms of all micro-batches by their shares; each one's gradients are added before the next begins. */
function accumulate<Batch>(model: TrainableModel<Batch>, { batches, shares }: MicroBatches<Batch>): LossOutput {
  const { gpu } = model;
  let sum: LossOutput | undefined;
  for (const [i, batch] of batches.entries()) {
    const share = shares[i]!;
    if (share === 0) continue;
    using micro = gpu.scope("micro-batch");
    using tape = gpu.tape();
    const { total, terms } = model.loss(batch);
    assertScalars({ total, ...terms });
    tape.backward(part(total, share));
    const plus = (value: Tensor, before?: Tensor): Tensor => micro.keep(addPart(value, before, share));
    const named = Object.entries(terms).map(([name, term]) => [name, plus(term, sum?.terms[name])] as const);
    sum = { total: plus(total, sum?.total), terms: { ...sum?.terms, ...Object.fromEntries(named) } };
  }
  return sum ?? { total: gpu.zeros([1]), terms: {} };
}

function addPart(value: Tensor, before: Tensor | undefined, share: number): Tensor {
  return before ? addScaled(before, value, share) : part(value, share);
}

function part(value: Tensor, share: number): Tensor {
  return share === 1 ? value : scale(value, share);
}

function assertScalars(scalars: Readonly<Record<string, Tensor>>): void {
  for (const [operand, tensor] of Object.entries(scalars)) {
    if (tensor.size === 1 && tensor.dtype === "f32") continue;
    throw new ShapeError({ op: "loss", operand, expected: "one f32 number, [1]", actual: `${tensor}` });
  }
}

/** Small tensors as one, for a single copy to the host: the words of each, one after the other. */
function pack(gpu: Gpu, tensors: readonly Tensor[]): Tensor {
  const packed = gpu.empty([tensors.reduce((sum, { size }) => sum + size, 0)], "u32", "step figures");
  let offset = 0;
  for (const tensor of tensors) {
    gpu.copy(tensor, packed, offset);
    offset += tensor.bytes;
  }
  return packed;
}

function createRecord(
  { step, tokens, learningRate, microBatches }: Pick<StepRecord, "step" | "tokens" | "learningRate" | "microBatches">,
  names: readonly string[],
  words: Uint32Array,
  loadShape: readonly number[] | undefined,
): { record: StepRecord; finite: boolean } {
  const floats = new Float32Array(words.buffer, words.byteOffset, STATS + names.length);
  const [gradientNorm, , nonFinite, loss] = floats as unknown as [number, number, number, number];
  const terms = Object.fromEntries(names.map((name, i) => [name, floats[STATS + i]!]));
  const record = { step, tokens, loss, terms, learningRate, gradientNorm, microBatches };
  const loads = words.subarray(STATS + names.length);
  return {
    record: loadShape ? { ...record, expertLoads: rowsOf(loads, loadShape) } : record,
    finite: nonFinite === 0,
  };
}

function rowsOf(values: Uint32Array, [rows, columns]: readonly number[]): number[][] {
  return Array.from({ length: rows! }, (_, i) => [...values.subarray(i * columns!, (i + 1) * columns!)]);
}
