import { appendLatents, cacheRows, type LatentCache } from "@ds3/mla";
import { embedding, type Tensor } from "@ds3/tensor";
import type { DeepseekModel } from "./model.ts";
import type { GenerationRun, GrowingSequence } from "./plan-generation.ts";

/** Most tokens of one forward pass over prompts, padding included, unless one prompt alone has more. */
const SLICE_TOKENS = 2048;

/** Prompts of one forward pass; a row of sequences each, all samples of its prompt. */
export interface PromptSlice {
  /** Samples of one prompt lie together; so do their cache rows. */
  readonly sequences: readonly GrowingSequence[];
  /** Cache row of each. */
  readonly rows: Int32Array;
  readonly samples: number;
}

/** Slices of a run whose prompts are about equally long, so that little is padding: shortest first. */
export function slicePrompts({ sequences, samples }: GenerationRun, sliceTokens: number = SLICE_TOKENS): PromptSlice[] {
  const lengthAt = (row: number): number => sequences[row]!.promptIds.length;
  const firsts = Array.from({ length: sequences.length / samples }, (_, i) => i * samples);
  firsts.sort((a, b) => lengthAt(a) - lengthAt(b) || a - b);
  const slices: number[][] = [];
  for (const first of firsts) {
    const slice = slices.at(-1);
    if (slice && (slice.length + 1) * lengthAt(first) <= sliceTokens) slice.push(first);
    else slices.push([first]);
  }
  return slices.map((slice) => {
    const rows = slice.flatMap((first) => Array.from({ length: samples }, (_, sample) => first + sample));
    return { sequences: rows.map((row) => sequences[row]!), rows: Int32Array.from(rows), samples };
  });
}

/**
 * One forward pass over the prompts of a slice, padded at their ends, that fills the caches' rows of all their samples.
 * Returns the logits [A, V] of each sequence's first new token.
 *
 * Causal attention keeps padding out of what comes before it; in the caches the tokens that follow overwrite it.
 */
export function prefill(model: DeepseekModel, slice: PromptSlice, caches: readonly LatentCache[]): Tensor {
  const { sequences, samples } = slice;
  const prompts = sequences.filter((_, a) => a % samples === 0).map(({ promptIds }) => promptIds);
  const length = Math.max(...prompts.map((prompt) => prompt.length));
  const inputs = new Int32Array(prompts.length * length);
  for (const [i, prompt] of prompts.entries()) inputs.set(prompt, i * length);
  // Positions of its own: those that a model uploads by itself stay on the device.
  const positions = inputs.map((_, i) => i % length);
  const { layers, normed } = model.forward({ inputs, batch: prompts.length, length, positions });
  const rows = cacheRows(model.gpu, { sequences: slice.rows, filled: new Int32Array(sequences.length) });
  for (const [i, cache] of caches.entries()) appendLatents(cache, layers[i]!, rows, samples);
  const last = (a: number): number => Math.floor(a / samples) * length + sequences[a]!.promptIds.length - 1;
  return model.head(
    embedding(
      normed,
      Int32Array.from(sequences, (_, a) => last(a)),
    ),
  );
}
