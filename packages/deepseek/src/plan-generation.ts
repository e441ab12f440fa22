import type { DeepseekConfig } from "./config.ts";
import type { GenerateOptions } from "./generate-options.ts";

/** A sequence while it grows. */
export interface GrowingSequence {
  /** prompt * samplesPerPrompt + sample: its place in the result and its stream of random numbers. */
  readonly index: number;
  readonly prompt: number;
  readonly promptIds: Int32Array;
  /** Most new tokens. */
  readonly limit: number;
  readonly tokens: number[];
  readonly logProbs: number[];
  stopped: boolean;
}

/** Sequences that are decoded together, in the order of their cache rows. */
export interface GenerationRun {
  readonly sequences: readonly GrowingSequence[];
  /** So many consecutive sequences continue one prompt. */
  readonly samples: number;
  /** Most tokens that a sequence leaves in the cache: its last new one is never read. */
  readonly capacity: number;
}

/** Default of `sequencesAtOnce`. */
const AT_ONCE = 256;
/** Workgroups that WebGPU allows along an axis: attention takes one for each sequence and head. */
const MOST_AT_ONCE = 65_535;

/** All sequences of a call, by prompt, then sample. */
export function createSequences(
  prompts: readonly Int32Array[],
  { maxNewTokens, samplesPerPrompt = 1 }: GenerateOptions,
  { maxPositionEmbeddings }: DeepseekConfig,
): GrowingSequence[] {
  return Array.from({ length: prompts.length * samplesPerPrompt }, (_, index) => {
    const prompt = Math.floor(index / samplesPerPrompt);
    const promptIds = prompts[prompt]!;
    const limit = Math.min(maxNewTokens, maxPositionEmbeddings - promptIds.length);
    return { index, prompt, promptIds, limit, tokens: [], logProbs: [], stopped: false };
  });
}

/**
 * Divides sequences among runs of at most `sequencesAtOnce`, or as many as caches and logits allow below
 * `maxBindingBytes`. Samples of a prompt stay together unless they are too many: the prompt is then encoded once a run.
 */
export function planRuns(
  sequences: readonly GrowingSequence[],
  { samplesPerPrompt = 1, sequencesAtOnce = AT_ONCE }: GenerateOptions,
  { kvLoraRank, qkRopeHeadDim, vocabSize }: DeepseekConfig,
  maxBindingBytes: number,
): GenerationRun[] {
  const rowBytes = 4 * Math.max(capacityOf(sequences) * Math.max(kvLoraRank, qkRopeHeadDim), vocabSize);
  const atOnce = Math.max(1, Math.min(sequencesAtOnce, MOST_AT_ONCE, Math.floor(maxBindingBytes / rowBytes)));
  const samples = Math.min(atOnce, samplesPerPrompt);
  const perRun = Math.floor(atOnce / samples) * samplesPerPrompt;
  const runs: GenerationRun[] = [];
  for (let from = 0; from < sequences.length; from += perRun) {
    const prompts = sequences.slice(from, from + perRun);
    for (let sample = 0; sample < samplesPerPrompt; sample += samples) {
      const count = Math.min(samples, samplesPerPrompt - sample);
      const part = prompts.filter(({ index }) => {
        const own = index % samplesPerPrompt;
        return own >= sample && own < sample + count;
      });
      runs.push({ sequences: part, samples: count, capacity: capacityOf(part) });
    }
  }
  return runs;
}

function capacityOf(sequences: readonly GrowingSequence[]): number {
  return sequences.reduce((most, { promptIds, limit }) => Math.max(most, promptIds.length + limit - 1), 1);
}
