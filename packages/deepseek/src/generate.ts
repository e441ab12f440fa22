import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { appendLatents, createLatentCache, type LatentCache } from "@ds3/mla";
import { argmaxRows, embedding, rmsNorm, type Tensor } from "@ds3/tensor";
import type { DeepseekModel } from "./model.ts";

/** How to continue prompts. */
export interface GenerateOptions {
  readonly maxNewTokens: number;
  /** 0 (default): the most likely token. Else logits are divided by it and a token is drawn. */
  readonly temperature?: number;
  /** Draw among the most likely ones only. Default: all. */
  readonly topK?: number;
  /** Source of numbers in [0, 1) for drawing; needed when temperature > 0. */
  readonly random?: () => number;
  /** A sequence ends after one of these; it is part of the result. Default: none. */
  readonly stopTokens?: readonly number[];
  /** Called after each step with one new token a sequence. */
  readonly onTokens?: (tokens: Int32Array) => void;
}

/**
 * Continues prompts [B, L] (row by row, all of one length) by up to maxNewTokens tokens, with the latent cache and
 * absorbed attention. Returns the new tokens of each sequence.
 *
 * The prompt is one forward pass, each new token one decoding step; only token ids (or logits, when drawing) come back
 * to the host.
 * @throws ShapeError for an empty prompt or a length that B does not divide; OutOfRangeError beyond maxPositionEmbeddings.
 */
export async function generate(
  model: DeepseekModel,
  prompts: Int32Array,
  batch: number,
  options: GenerateOptions,
): Promise<Int32Array[]> {
  const { maxNewTokens, stopTokens = [], onTokens } = options;
  const length = checkPrompts(prompts, batch);
  checkOptions(options);
  const gpu = model.gpu;
  using _scope = gpu.scope("generate");
  const caches = model.layers
    .slice(0, model.config.numHiddenLayers)
    .map(() => createLatentCache(gpu, model.config, batch, length + maxNewTokens));
  const sequences: number[][] = Array.from({ length: batch }, () => []);
  const done = new Array<boolean>(batch).fill(false);
  let ids = await pick(
    gpu.noGrad(() => prefill(model, prompts, batch, caches)),
    options,
  );
  for (let step = 1; ; step++) {
    for (let b = 0; b < batch; b++) {
      if (done[b]) continue;
      sequences[b]!.push(ids[b]!);
      done[b] = stopTokens.includes(ids[b]!);
    }
    onTokens?.(ids);
    if (step >= maxNewTokens || done.every(Boolean)) break;
    using _step = gpu.scope("decode");
    ids = await pick(
      gpu.noGrad(() => decode(model, ids, length + step - 1, caches)),
      options,
    );
  }
  return sequences.map((tokens) => Int32Array.from(tokens));
}

/** One forward pass over the prompt that fills the caches; returns the logits [B, V] of the last tokens. */
function prefill(model: DeepseekModel, prompts: Int32Array, batch: number, caches: readonly LatentCache[]): Tensor {
  const length = prompts.length / batch;
  const scope = model.gpu.scope("prefill");
  try {
    const { layers, normed } = model.forward({ inputs: prompts, batch, length });
    for (const [i, cache] of caches.entries()) appendLatents(cache, layers[i]!, 0);
    const last = Array.from({ length: batch }, (_, b) => (b + 1) * length - 1);
    const rows = model.gpu.empty([batch, model.config.hiddenSize], "f32", "last rows");
    for (const [b, row] of last.entries()) model.gpu.copy(normed.slice(row, row + 1), rows, (b * rows.bytes) / batch);
    return scope.keep(model.head(rows));
  } finally {
    scope.close();
  }
}

/** One new token a sequence at index `filled`; returns the logits [B, V]. */
function decode(model: DeepseekModel, ids: Int32Array, filled: number, caches: readonly LatentCache[]): Tensor {
  const rotation = model.rotations.at(new Int32Array(ids.length).fill(filled));
  let x = embedding(model.arena.get("embed"), ids);
  for (const [i, cache] of caches.entries()) x = model.layers[i]!.decode(x, rotation, cache, filled);
  return model.head(rmsNorm(x, model.arena.get("norm"), { eps: model.config.rmsNormEps }));
}

async function pick(logits: Tensor, { temperature = 0, topK, random }: GenerateOptions): Promise<Int32Array> {
  if (temperature === 0) return Int32Array.from(await argmaxRows(logits).data<"u32">());
  const [B, V] = logits.shape as [number, number];
  const host = await logits.data();
  return Int32Array.from({ length: B }, (_, b) =>
    draw(host.subarray(b * V, (b + 1) * V), temperature, topK ?? V, random!()),
  );
}

/** The token at quantile `u` of softmax(logits / temperature) over the topK most likely. */
function draw(logits: Float32Array, temperature: number, topK: number, u: number): number {
  const order = Array.from(logits.keys())
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, topK);
  const weights = order.map((id) => Math.exp((logits[id]! - logits[order[0]!]!) / temperature));
  let rest = u * weights.reduce((a, b) => a + b, 0);
  for (const [i, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0) return order[i]!;
  }
  return order.at(-1)!;
}

function checkPrompts(prompts: Int32Array, batch: number): number {
  const length = prompts.length / batch;
  if (Number.isInteger(length) && length >= 1 && batch >= 1) return length;
  throw new ShapeError({
    op: "generate",
    operand: "prompts",
    expected: `${batch} rows of equal length >= 1`,
    actual: `${prompts.length} tokens`,
    hint: "Prompts of different lengths go into calls of their own.",
  });
}

function checkOptions({ maxNewTokens, temperature = 0, topK = 1, random }: GenerateOptions): void {
  const refuse = (operand: string, expected: string, actual: unknown): never => {
    throw new OutOfRangeError({ op: "generate", operand, expected, actual: `${actual}` });
  };
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) refuse("maxNewTokens", "an integer >= 1", maxNewTokens);
  if (!(temperature >= 0) || !Number.isFinite(temperature)) refuse("temperature", "a finite number >= 0", temperature);
  if (!Number.isInteger(topK) || topK < 1) refuse("topK", "an integer >= 1", topK);
  if (temperature > 0 && !random) refuse("random", "a source of numbers when temperature > 0", "none");
}
