import { OutOfRangeError, ShapeError } from "@ds3/errors";
import type { DeepseekConfig } from "./config.ts";

/** What one step of decoding gave. */
export interface NewTokens {
  /** Indices into the result: prompt * samplesPerPrompt + sample, rising. */
  readonly sequences: Int32Array;
  /** The new token of each. */
  readonly ids: Int32Array;
}

/** How to continue prompts. */
export interface GenerateOptions {
  /** A sequence ends after so many new tokens, or where prompt and new tokens fill maxPositionEmbeddings. */
  readonly maxNewTokens: number;
  /** 0 (default): the most likely token. Else logits are divided by it and a token is drawn. */
  readonly temperature?: number;
  /** Draw among so many of the most likely tokens, ties with the last one included. Default: all. */
  readonly topK?: number;
  /** Draw among the most likely tokens whose probabilities, of what topK left, add up to it. Default 1: all. */
  readonly topP?: number;
  /** Draw among tokens at least so likely as this share of the likeliest one. Default 0: all. */
  readonly minP?: number;
  /** The same seed, prompts and options draw the same tokens, whatever else is in the batch. Default 0. */
  readonly seed?: number;
  /** Continuations of each prompt, drawn independently. Default 1. */
  readonly samplesPerPrompt?: number;
  /** A sequence ends after one of these; it is part of the result. Default: none. */
  readonly stopTokens?: readonly number[];
  /** Called after each step with its new tokens, for streaming. What it throws ends the call. */
  readonly onTokens?: (tokens: NewTokens) => void;
  /** Ends the call between two steps: what was generated so far is returned. */
  readonly signal?: AbortSignal;
  /** Most sequences that are decoded together; others wait. Default 256, fewer where the adapter's bindings ask for it. */
  readonly sequencesAtOnce?: number;
}

/** One continuation of a prompt. */
export interface GeneratedSequence {
  /** Index of its prompt. */
  readonly prompt: number;
  /** The new tokens, the stop token included. */
  readonly tokens: Int32Array;
  /** ln softmax(logits / temperature) of each over the whole vocabulary; temperature 0 counts as 1. */
  readonly logProbs: Float32Array;
  /** Whether it ended at a stop token. */
  readonly stopped: boolean;
}

/** Refuses options that have no meaning. @throws OutOfRangeError naming the option. */
export function assertGenerateOptions(options: GenerateOptions): void {
  const { maxNewTokens, temperature = 0, topK = 1, topP = 1, minP = 0, seed = 0 } = options;
  const { samplesPerPrompt = 1, sequencesAtOnce = 1 } = options;
  for (const [name, count] of Object.entries({ maxNewTokens, topK, samplesPerPrompt, sequencesAtOnce })) {
    if (!Number.isSafeInteger(count) || count < 1) refuse(name, "an integer >= 1", count);
  }
  if (!(temperature >= 0 && Number.isFinite(temperature))) refuse("temperature", "a finite number >= 0", temperature);
  if (!(topP > 0 && topP <= 1)) refuse("topP", "a number in (0, 1]", topP);
  if (!(minP >= 0 && minP <= 1)) refuse("minP", "a number in [0, 1]", minP);
  if (!Number.isSafeInteger(seed) || seed < 0) refuse("seed", "an integer in [0, 2^53)", seed);
}

/**
 * Refuses prompts that cannot be continued.
 *
 * @throws ShapeError for an empty one; OutOfRangeError for one that leaves no room in maxPositionEmbeddings, or an id
 * outside the vocabulary. Each names the prompt.
 */
export function assertPrompts(
  prompts: readonly Int32Array[],
  { vocabSize, maxPositionEmbeddings: limit }: Pick<DeepseekConfig, "vocabSize" | "maxPositionEmbeddings">,
): void {
  for (const [i, prompt] of prompts.entries()) {
    if (prompt.length === 0) {
      throw new ShapeError({
        op: "generate",
        operand: `prompts[${i}]`,
        expected: "at least one token",
        actual: "none",
      });
    }
    if (prompt.length >= limit) {
      const expected = `at most ${limit - 1} tokens, one less than maxPositionEmbeddings = ${limit}`;
      refuse(`prompts[${i}]`, expected, prompt.length, "Shorten the prompt, or extend the model's context.");
    }
    const at = prompt.findIndex((id) => id < 0 || id >= vocabSize);
    if (at >= 0) refuse(`prompts[${i}][${at}]`, `0 <= id < vocabSize = ${vocabSize}`, prompt[at]!);
  }
}

function refuse(operand: string, expected: string, actual: number, hint?: string): never {
  const more = hint === undefined ? {} : { hint };
  throw new OutOfRangeError({ op: "generate", operand, expected, actual: `${actual}`, ...more });
}
