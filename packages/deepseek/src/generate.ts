import { createLatentCache, type LatentCache } from "@ds3/mla";
import { sampleRows, type Tensor } from "@ds3/tensor";
import { decodeTokens } from "./decode-tokens.ts";
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
  // A signal may have come before every prompt had its turn.
  const drawn = run.sequences.filter(({ tokens }) => tokens.length > 0);
  if (drawn.length > 0) report(drawn, options);
  const rowOf = new Map(run.sequences.map((sequence, row) => [sequence, row]));
  const next = (sequences: readonly GrowingSequence[], pending: Draw | undefined): Draw => {
    using step = gpu.scope("decode");
    const read = sequences[0]!.tokens.length;
    const unread = pending ? 1 : 0;
    const place = {
      sequences: Int32Array.from(sequences, (sequence) => rowOf.get(sequence)!),
      filled: Int32Array.from(sequences, ({ promptIds }) => promptIds.length + read + unread - 1),
    };
    const ids = pending?.ids ?? Int32Array.from(sequences, ({ tokens }) => tokens.at(-1)!);
    const logits = gpu.noGrad(() => decodeTokens(model, ids, place, caches));
    const drawing = draw(logits, sequences, read + unread, options);
    step.keep(drawing.ids);
    return { sequences, ...drawing };
  };
  await decodeAll(drawn, next, options);
}

/** Tokens that are drawn on the GPU and not read yet. */
interface Draw {
  readonly sequences: readonly GrowingSequence[];
  /** u32 [A] */
  readonly ids: Tensor;
  /** Ids, then the bits of their log-probabilities: [2 A]. */
  readonly host: Promise<Uint32Array>;
}

/**
 * Decodes step by step until no sequence goes on. While the device works on a step the host encodes the next one, whose
 * ids it takes from the GPU, and only then reads the first: neither waits for the other. A sequence that turns out to have
 * stopped has one token drawn in vain; when it leaves, the next step waits for the ids to come to the host.
 */
async function decodeAll(
  drawn: readonly GrowingSequence[],
  next: (sequences: readonly GrowingSequence[], pending: Draw | undefined) => Draw,
  options: GenerateOptions,
): Promise<void> {
  let pending: Draw | undefined;
  let last = drawn;
  while (!options.signal?.aborted) {
    const sequences = (pending?.sequences ?? last).filter((sequence) => goesOn(sequence, pending ? 1 : 0));
    if (!pending && sequences.length === 0) return;
    const isWhole = !pending || sequences.length === pending.sequences.length;
    const following = isWhole ? next(sequences, pending) : undefined;
    if (pending) {
      const taking = await settle(pending, options);
      if (options.signal?.aborted) return;
      if (taking.length > 0) report(taking, options);
      last = pending.sequences;
    }
    pending = following;
  }
}

/** Whether a sequence takes another token, with so many drawn that are not read yet. */
function goesOn({ stopped, tokens, limit }: GrowingSequence, unread: number): boolean {
  return !stopped && tokens.length + unread < limit;
}

/** Waits for the tokens of a draw, gives them to the sequences that still take one, and returns those. */
async function settle(
  { sequences, ids, host }: Draw,
  { stopTokens = [] }: GenerateOptions,
): Promise<GrowingSequence[]> {
  const words = await host;
  ids.gpu.free(ids);
  const logProbs = new Float32Array(words.buffer, words.byteOffset + 4 * sequences.length, sequences.length);
  return sequences.filter((sequence, a) => {
    if (sequence.stopped) return false;
    sequence.tokens.push(words[a]!);
    sequence.logProbs.push(logProbs[a]!);
    sequence.stopped = stopTokens.includes(words[a]!);
    return true;
  });
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
    const { sequences } = slice;
    await settle({ sequences, ...draw(logits, sequences, 0, options) }, options);
  }
}

/** Draws the next token of each sequence from its row of logits; all have `step` so far. */
function draw(
  logits: Tensor,
  sequences: readonly GrowingSequence[],
  step: number,
  { temperature = 0, topK, topP, minP, seed = 0 }: GenerateOptions,
): Omit<Draw, "sequences"> {
  const { ids, logProbs } = sampleRows(logits, {
    temperature,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    ...(minP === undefined ? {} : { minP }),
    ...{ seed, step },
    streams: Int32Array.from(sequences, ({ index }) => index),
  });
  // Side by side, so that the host waits for one buffer.
  const both = logits.gpu.empty([2, sequences.length], "u32", "drawn");
  logits.gpu.copy(ids, both, 0);
  logits.gpu.copy(logProbs, both, ids.bytes);
  const host = both.data<"u32">();
  // Whoever awaits it later sees the failure; until then it must not end the process.
  host.catch(() => {});
  return { ids, host };
}

function report(sequences: readonly GrowingSequence[], { onTokens }: GenerateOptions): void {
  onTokens?.({
    sequences: Int32Array.from(sequences, ({ index }) => index),
    ids: Int32Array.from(sequences, ({ tokens }) => tokens.at(-1)!),
  });
}
