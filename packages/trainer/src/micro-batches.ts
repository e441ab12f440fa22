import { OutOfRangeError } from "@ds3/errors";
import type { BatchSource } from "./types.ts";

/** The micro-batches of one optimiser step. */
export interface MicroBatches<Batch> {
  readonly batches: readonly Batch[];
  /** Training tokens in all of them. */
  readonly tokens: number;
  /** Share of each one's loss in the step's: they sum to 1, or all are 0 when no batch has weight. */
  readonly shares: readonly number[];
}

/**
 * Takes `count` batches from the source, one after the other. Undefined when `signal` fired while the source was asked,
 * whether it then gave a batch or failed: what it gave may be half a batch. The source's cursor has moved all the same.
 *
 * @throws whatever `next` throws or rejects with; OutOfRangeError for a weight or token count that is none.
 */
export async function fetchMicroBatches<Batch>(
  source: BatchSource<Batch>,
  count: number,
  signal?: AbortSignal,
): Promise<MicroBatches<Batch> | undefined> {
  const batches: Batch[] = [];
  while (batches.length < count) {
    try {
      batches.push(await source.next());
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
    if (signal?.aborted) return undefined;
  }
  return { batches, tokens: tokensOf(source, batches), shares: sharesOf(source, batches) };
}

function tokensOf<Batch>({ tokensPerBatch }: BatchSource<Batch>, batches: readonly Batch[]): number {
  if (typeof tokensPerBatch === "number") return batches.length * tokensPerBatch;
  return sum(batches.map((batch) => requireAmount("tokensPerBatch", tokensPerBatch(batch))));
}

function sharesOf<Batch>(source: BatchSource<Batch>, batches: readonly Batch[]): readonly number[] {
  const weights = batches.map((batch) => requireAmount("weightOf", source.weightOf?.(batch) ?? 1));
  const total = sum(weights);
  return weights.map((weight) => (total > 0 ? weight / total : 0));
}

function requireAmount(operand: string, value: number): number {
  if (value >= 0 && Number.isFinite(value)) return value;
  throw new OutOfRangeError({ op: "train", operand, expected: "a finite number >= 0", actual: `${value}` });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
