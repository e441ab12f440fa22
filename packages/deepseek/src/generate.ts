import { cacheRows, createLatentCache, type LatentCache } from "@ds3/mla";
import { embedding, rmsNorm, sampleRows, type Tensor } from "@ds3/tensor";
import {
  assertGenerateOptions,
  assertPrompts,
  type GeneratedSequence,
  type GenerateOptions,
} from "./generate-options.ts";
import type { DeepseekModel } from "./model.ts";
import { createSequences, type GenerationRun, type GrowingSequence, planRuns } from "./plan-generation.ts";
import { prefill, slicePrompts } from "./prefill.ts";

/**
 * Continues prompts of any lengths with the latent cache and absorbed attention; all samples of all prompts, by prompt,
 * then sample.
 *
 * A sequence ends at a stop token (`stopped`), after maxNewTokens, or where prompt and new tokens fill
 * maxPositionEmbeddings, and leaves the batch. A prompt is one row of a forward pass that all its samples share; each
 * new token is one decoding step, of which ids and log-probabilities alone come back to the host. Tokens are drawn on the
 * GPU: sequence i of the result draws its token t by (seed, i, t), whoever else is in the batch.
 *
 * @throws ShapeError for an empty prompt; OutOfRangeError for a prompt that leaves no room in maxPositionEmbeddings, an
 * id outside the vocabulary, or an option out of range. All before anything is computed.
 */
export async function generate(
  model: DeepseekModel,
  prompts: readonly Int32Array[],
  options: GenerateOptions,
): Promise<GeneratedSequence[]> {
  assertGenerateOptions(options);
  assertPrompts(prompts, model.config);
  const sequences = createSequences(prompts, options, model.config);
  for (const run of planRuns(sequences, options, model.config, model.gpu.maxBindingBytes)) {
    if (options.signal?.aborted) break;
    await generateRun(model, run, options);
  }
  return sequences.map(({ prompt, tokens, logProbs, stopped }) => ({
    prompt,
    tokens: Int32Array.from(tokens),
    logProbs: Float32Array.from(logProbs),
    stopped,
  }));
}

async function generateRun(model: DeepseekModel, run: GenerationRun, options: GenerateOptions): Promise<void> {
  const { gpu, config } = model;
  using _scope = gpu.scope("generate");
  const caches = Array.from({ length: config.numHiddenLayers }, () =>
    createLatentCache(gpu, config, run.sequences.length, run.capacity),
  );
  await drawFirst(model, run, caches, options);
  const rows = new Map(run.sequences.map((sequence, row) => [sequence, row]));
  // A signal may have come before every prompt had its turn.
  let drawn = run.sequences.filter(({ tokens }) => tokens.length > 0);
  while (drawn.length > 0) {
    report(drawn, options);
    const active = drawn.filter(({ tokens, limit, stopped }) => !stopped && tokens.length < limit);
    if (active.length === 0 || options.signal?.aborted) return;
    using _step = gpu.scope("decode");
    const logits = gpu.noGrad(() => decode(model, active, rows, caches));
    await draw(logits, active, options);
    drawn = active;
  }
}

async function drawFirst(
  model: DeepseekModel,
  run: GenerationRun,
  caches: readonly LatentCache[],
  options: GenerateOptions,
): Promise<void> {
  for (const slice of slicePrompts(run)) {
    if (options.signal?.aborted) return;
    using _slice = model.gpu.scope("prefill");
    const logits = model.gpu.noGrad(() => prefill(model, slice, caches));
    await draw(logits, slice.sequences, options);
  }
}

/** The logits [A, V] behind the last token of each active sequence, which the caches take in. */
function decode(
  model: DeepseekModel,
  active: readonly GrowingSequence[],
  rowOf: ReadonlyMap<GrowingSequence, number>,
  caches: readonly LatentCache[],
): Tensor {
  const rows = cacheRows(model.gpu, {
    sequences: Int32Array.from(active, (sequence) => rowOf.get(sequence)!),
    filled: Int32Array.from(active, ({ promptIds, tokens }) => promptIds.length + tokens.length - 1),
  });
  const rotation = model.rotations.of(rows.positions, Math.max(...rows.filled) + 1);
  const ids = Int32Array.from(active, ({ tokens }) => tokens.at(-1)!);
  let x = embedding(model.arena.get("embed"), ids);
  for (const [i, cache] of caches.entries()) x = model.layers[i]!.decode(x, rotation, cache, rows);
  return model.head(rmsNorm(x, model.arena.get("norm"), { eps: model.config.rmsNormEps }));
}

/** Draws the next token of each sequence from its row of logits; all have equally many so far. */
async function draw(
  logits: Tensor,
  sequences: readonly GrowingSequence[],
  { temperature = 0, topK, topP, minP, seed = 0, stopTokens = [] }: GenerateOptions,
): Promise<void> {
  const { gpu } = logits;
  const A = sequences.length;
  const { ids, logProbs } = sampleRows(logits, {
    temperature,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    ...(minP === undefined ? {} : { minP }),
    seed,
    step: sequences[0]!.tokens.length,
    streams: Int32Array.from(sequences, ({ index }) => index),
  });
  // Side by side, so that the host waits for one buffer.
  const both = gpu.empty([2, A], "u32", "drawn");
  gpu.copy(ids, both, 0);
  gpu.copy(logProbs, both, ids.bytes);
  const host = await both.data<"u32">();
  const hostLogProbs = new Float32Array(host.buffer, host.byteOffset + ids.bytes, A);
  for (const [a, sequence] of sequences.entries()) {
    sequence.tokens.push(host[a]!);
    sequence.logProbs.push(hostLogProbs[a]!);
    sequence.stopped = stopTokens.includes(host[a]!);
  }
}

function report(sequences: readonly GrowingSequence[], { onTokens }: GenerateOptions): void {
  onTokens?.({
    sequences: Int32Array.from(sequences, ({ index }) => index),
    ids: Int32Array.from(sequences, ({ tokens }) => tokens.at(-1)!),
  });
}
