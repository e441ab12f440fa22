import type { DeepseekModel, TrainingBatch } from "@ds3/deepseek";
import type { Tape, TapeNode, Tensor } from "@ds3/tensor";
import { createOptimizer, type OptimizerOptions, train } from "@ds3/trainer";
import { keptKind, weightCopies } from "./kept-kind.ts";
import { constantBatches } from "./mini.ts";

/** Bytes of a training step as the device holds them: buffers have sizes of four to an octave. */
export interface StepMemory {
  /** Live at the end of forward and not before: what backward reads, and results that their scope has not freed yet. */
  readonly activations: number;
  /** What the tape keeps of that, by who reads it (`keptKind`); the largest first. */
  readonly kept: Readonly<Record<string, number>>;
  readonly weights: number;
  readonly gradients: number;
  /** AdamW's moments. */
  readonly moments: number;
  /** At most, while a step ran, all of the above included. */
  readonly peak: number;
}

type Storage = Tensor["storage"];

/**
 * Measures a training step on a batch. Nothing in it depends on time or chance. Live bytes are those of the whole
 * device: the model must be alone on it.
 */
export async function measureMemory(
  model: DeepseekModel,
  batch: TrainingBatch,
  optimizer: OptimizerOptions = {},
): Promise<StepMemory> {
  const peak = await peakOfStep(model, batch, optimizer);
  return { ...measureForward(model, batch), ...measureState(model, optimizer), peak };
}

/** Of a second step: the first one makes what outlives it. */
async function peakOfStep(model: DeepseekModel, batch: TrainingBatch, optimizer: OptimizerOptions): Promise<number> {
  const batches = constantBatches(batch, batch.inputs.length);
  const step = (): Promise<unknown> => train({ model, batches, steps: 1, schedule: () => 1e-3, optimizer });
  await step();
  model.gpu.resetPeak();
  await step();
  return model.gpu.stats.peakBytes;
}

function measureForward(model: DeepseekModel, batch: TrainingBatch): Pick<StepMemory, "activations" | "kept"> {
  const { gpu } = model;
  const before = gpu.stats.liveBytes;
  const readers = new Map<Storage, Set<string>>();
  let activations: number;
  {
    using _micro = gpu.scope("micro-batch");
    using tape = gpu.tape();
    watchTape(tape, (node) => {
      const copies = weightCopies(node);
      for (const tensor of node.saved) {
        const reader = copies.includes(tensor) ? "weight" : node.label;
        const { storage } = tensor;
        readers.set(storage, (readers.get(storage) ?? new Set()).add(reader));
      }
    });
    model.loss(batch);
    activations = gpu.stats.liveBytes - before;
  }
  // What is still there is the model's: parameters, tables.
  const kept = [...readers].filter(([{ isFreed }]) => isFreed);
  return { activations, kept: sums(kept.map(([{ pooled }, labels]) => [keptKind(labels), pooled.bytes])) };
}

/** Hears of every op that the tape records: the tape's own method is wrapped. */
function watchTape(tape: Tape, onNode: (node: TapeNode) => void): void {
  const record = tape.recordAlways.bind(tape);
  tape.recordAlways = (node) => {
    onNode(node);
    record(node);
  };
}

function measureState(
  { arena }: DeepseekModel,
  options: OptimizerOptions,
): Pick<StepMemory, "weights" | "gradients" | "moments"> {
  const optimizer = createOptimizer(arena, options);
  const moments = bytesOf(optimizer.moments.flatMap(({ first, second }) => [first, second]));
  optimizer[Symbol.dispose]();
  return {
    weights: bytesOf(arena.segments.map(({ values }) => values)),
    gradients: bytesOf(arena.segments.map(({ gradients }) => gradients)),
    moments,
  };
}

function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { storage }) => sum + storage.pooled.bytes, 0);
}

function sums(items: readonly (readonly [kind: string, bytes: number])[]): Record<string, number> {
  const total = new Map<string, number>();
  for (const [kind, bytes] of items) total.set(kind, (total.get(kind) ?? 0) + bytes);
  return Object.fromEntries([...total].sort(([, a], [, b]) => b - a));
}
