import { addScaled, type Gpu, gradientNorm, scale, type Tensor } from "@ds3/tensor";
import type { Optimizer } from "./optimizer.ts";
import type { BatchSource, StepRecord, TrainableModel } from "./types.ts";

/** What one optimiser step needs to know. */
export interface StepPlan {
  readonly step: number;
  /** Training tokens before this step. */
  readonly tokens: number;
  readonly learningRate: number;
  readonly microBatches: number;
  readonly clipNorm: number;
}

/** Figures of a step, on their way from the GPU. */
export interface PendingStep {
  readonly tokens: number;
  /** Resolves once the GPU got there. `finite` is false when nothing of the step was applied. */
  read(): Promise<{ readonly record: StepRecord; readonly finite: boolean }>;
}

/**
 * Encodes one optimiser step: forward and backward of each micro-batch, gradient norm, AdamW, `afterStep`. Gradients add
 * up in f32 and are those of the mean loss. Nothing here waits for the GPU; the figures are read by `read()`, later.
 */
export function encodeStep<Batch>(
  model: TrainableModel<Batch>,
  batches: BatchSource<Batch>,
  optimizer: Optimizer,
  plan: StepPlan,
): PendingStep {
  const { gpu, arena } = model;
  const scope = gpu.scope(`step ${plan.step}`);
  try {
    arena.zeroGradients();
    const { loss, terms } = accumulate(model, batches, plan.microBatches);
    const stats = gradientNorm(arena.segments, loss, plan.clipNorm);
    optimizer.step(plan.learningRate, stats);
    const loads = model.expertLoads?.();
    const figures = readScalars(gpu, [stats, ...terms.values()]);
    const loadFigures = loads?.data<"u32">();
    model.afterStep?.();
    const tokens = plan.tokens + plan.microBatches * batches.tokensPerBatch;
    return {
      tokens,
      read: async () =>
        createRecord(
          { ...plan, tokens },
          [...terms.keys()],
          await figures,
          loads && { shape: loads.shape, data: await loadFigures! },
        ),
    };
  } finally {
    scope.close();
  }
}

/** Mean loss and terms over the micro-batches; each one's gradients are added before the next begins. */
function accumulate<Batch>(
  model: TrainableModel<Batch>,
  batches: BatchSource<Batch>,
  count: number,
): { loss: Tensor; terms: Map<string, Tensor> } {
  const { gpu } = model;
  const sums = new Map<string, Tensor>();
  for (let i = 0; i < count; i++) {
    using micro = gpu.scope("micro-batch");
    using tape = gpu.tape();
    const { total, terms } = model.loss(batches.next());
    const weighted = count === 1 ? total : scale(total, 1 / count);
    tape.backward(weighted);
    for (const [name, value] of Object.entries({ ...terms, "": total })) {
      const sum = sums.get(name);
      const share = sum ? addScaled(sum, value, 1 / count) : count === 1 ? value : scale(value, 1 / count);
      sums.set(name, micro.keep(share));
    }
  }
  const loss = sums.get("")!;
  sums.delete("");
  return { loss, terms: sums };
}

/** Starts reading small tensors as one: a single copy to the host. */
function readScalars(gpu: Gpu, tensors: readonly Tensor[]): Promise<Float32Array> {
  const packed = gpu.empty([tensors.reduce((sum, { size }) => sum + size, 0)], "f32", "step figures");
  let offset = 0;
  for (const tensor of tensors) {
    gpu.copy(tensor, packed, offset);
    offset += tensor.bytes;
  }
  return packed.data();
}

function createRecord(
  { step, tokens, learningRate, microBatches }: StepPlan,
  names: readonly string[],
  figures: Float32Array,
  loads: { readonly shape: readonly number[]; readonly data: Uint32Array } | undefined,
): { record: StepRecord; finite: boolean } {
  const [gradientNorm, , nonFinite, loss] = figures as unknown as [number, number, number, number];
  const terms = Object.fromEntries(names.map((name, i) => [name, figures[4 + i]!]));
  const record = { step, tokens, loss, terms, learningRate, gradientNorm, microBatches };
  const experts = loads?.shape[1] ?? 0;
  const rows =
    loads &&
    Array.from({ length: loads.shape[0]! }, (_, i) => [...loads.data.subarray(i * experts, (i + 1) * experts)]);
  return { record: rows ? { ...record, expertLoads: rows } : record, finite: nonFinite === 0 };
}
