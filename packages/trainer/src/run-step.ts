import { ShapeError } from "@ds3/errors";
import { addScaled, type Gpu, gradientNorm, scale, type Tensor } from "@ds3/tensor";
import { carryFailure } from "./carry-failure.ts";
import type { Optimizer } from "./optimizer.ts";
import type { BatchSource, LossOutput, StepRecord, TrainableModel } from "./types.ts";

/** What one optimiser step needs to know. */
export interface StepPlan {
  /** From 1. */
  readonly step: number;
  /** Training tokens before this step. */
  readonly tokens: number;
  readonly learningRate: number;
  readonly microBatches: number;
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
 * up in f32 and are those of the mean of the micro-batches' losses. Nothing here waits for the GPU. After a step that was
 * not finite no later one is applied either.
 *
 * @throws ShapeError when the loss or a term is not one number.
 */
export function encodeStep<Batch>(
  model: TrainableModel<Batch>,
  batches: BatchSource<Batch>,
  optimizer: Optimizer,
  plan: StepPlan,
): PendingStep {
  const { gpu, arena } = model;
  using _scope = gpu.scope(`step ${plan.step}`);
  arena.zeroGradients();
  const { total, terms } = accumulate(model, batches, plan.microBatches);
  const loss = carryFailure(total, optimizer.lastStats);
  const stats = gradientNorm(arena.segments, loss, Math.min(plan.clipNorm, MAX_F32));
  optimizer.step(plan.learningRate, stats);
  const loads = model.expertLoads?.();
  const after = { ...plan, tokens: plan.tokens + plan.microBatches * batches.tokensPerBatch };
  const words = readTogether(gpu, [stats, ...Object.values(terms), ...(loads ? [loads] : [])]);
  const figures = words.then((data) => createRecord(after, Object.keys(terms), data, loads?.shape));
  // Read a step late: a rejection before that is not unhandled.
  figures.catch(() => {});
  model.afterStep?.();
  return { tokens: after.tokens, figures };
}

/** Mean loss and terms over the micro-batches; each one's gradients are added before the next begins. */
function accumulate<Batch>(model: TrainableModel<Batch>, batches: BatchSource<Batch>, count: number): LossOutput {
  const { gpu } = model;
  let sum: LossOutput | undefined;
  for (let i = 0; i < count; i++) {
    using micro = gpu.scope("micro-batch");
    using tape = gpu.tape();
    const { total, terms } = model.loss(batches.next());
    assertScalars({ total, ...terms });
    const share = count === 1 ? total : scale(total, 1 / count);
    tape.backward(share);
    const plus = (value: Tensor, before?: Tensor): Tensor => micro.keep(addShare(value, before, count));
    const named = Object.entries(terms).map(([name, term]) => [name, plus(term, sum?.terms[name])] as const);
    sum = { total: plus(total, sum?.total), terms: Object.fromEntries(named) };
  }
  return sum!;
}

function addShare(value: Tensor, before: Tensor | undefined, count: number): Tensor {
  if (before) return addScaled(before, value, 1 / count);
  return count === 1 ? value : scale(value, 1 / count);
}

function assertScalars(scalars: Readonly<Record<string, Tensor>>): void {
  for (const [operand, tensor] of Object.entries(scalars)) {
    if (tensor.size === 1 && tensor.dtype === "f32") continue;
    throw new ShapeError({ op: "loss", operand, expected: "one f32 number, [1]", actual: `${tensor}` });
  }
}

/** Starts reading small tensors as one, a single copy to the host: the words of each, one after the other. */
function readTogether(gpu: Gpu, tensors: readonly Tensor[]): Promise<Uint32Array> {
  const packed = gpu.empty([tensors.reduce((sum, { size }) => sum + size, 0)], "u32", "step figures");
  let offset = 0;
  for (const tensor of tensors) {
    gpu.copy(tensor, packed, offset);
    offset += tensor.bytes;
  }
  return packed.data<"u32">();
}

function createRecord(
  { step, tokens, learningRate, microBatches }: StepPlan,
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
