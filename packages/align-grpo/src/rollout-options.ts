import { EmptyDataError } from "@ds3/data";
import { ConfigError, OutOfRangeError } from "@ds3/errors";
import type { Policy } from "@ds3/trainer";
import type { AdvantageScale } from "./group-advantages.ts";
import type { Completion, Reward, RolloutPrompt } from "./reward.ts";
import type { ScoreOptions } from "./score-completions.ts";
import type { GrpoSettings } from "./types.ts";

/** What completions are sampled with. */
export interface RolloutSampling {
  readonly samplesPerPrompt: number;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly stopTokens: readonly number[];
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/** One sampled completion: its tokens, a stop token included, and their log-probs at the temperature over all ids. */
export interface SampledCompletion {
  readonly tokens: Int32Array;
  readonly logProbs: Float32Array;
  /** True when a stop token ended it. */
  readonly stopped: boolean;
}

/**
 * Samples completions of each prompt, ordered by prompt, then sample; by the policy's parameters of now. `@ds3/deepseek`'s
 * `generate` is one: `(prompts, options) => generate(model, prompts, options)`; `sampleByForward` makes one for any policy.
 */
export type Rollout = (
  prompts: readonly Int32Array[],
  options: RolloutSampling,
) => Promise<readonly SampledCompletion[]>;

/** What a rollout came to, for logs and reports. */
export interface RolloutReport {
  /** From 0. */
  readonly rollout: number;
  readonly completions: readonly Completion[];
  /** [completions] sum of all rewards; null: dropped. */
  readonly totals: readonly (number | null)[];
  /** The terms that are logged with each of its steps. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Options of `createRollouts`. */
export interface RolloutOptions extends GrpoSettings, ScoreOptions {
  readonly policy: Policy;
  readonly rollout: Rollout;
  readonly prompts: readonly RolloutPrompt[];
  readonly rewards: readonly Reward[];
  /** G: completions of each prompt, at least 2. */
  readonly groupSize: number;
  /** Prompts of each rollout. */
  readonly promptsPerStep: number;
  readonly maxNewTokens: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly stopTokens?: readonly number[];
  /** Log-probs of what was sampled under it are computed once a rollout; needed when beta is above 0. */
  readonly reference?: Policy;
  /** Default `std`. */
  readonly scale?: AdvantageScale;
  /** mu: how many times the batches of a rollout are given, one after the other. Default 1. */
  readonly updatesPerRollout?: number;
  /** Batches that a rollout is divided into. Give `train` the same `microBatches` for one optimiser step a pass. Default 1. */
  readonly microBatches?: number;
  /**
   * What becomes of completions that no stop token ended: `mask` leaves their tokens out of the loss, while their rewards
   * count in their group (DAPO's overlong filtering, arXiv 2503.14476, section 3.4). Default `keep`.
   */
  readonly overlong?: "keep" | "mask";
  /** Longest prompt. Default: what `contextLength` leaves. */
  readonly maxPromptTokens?: number;
  /** Most tokens of prompt and completion together. Default: no limit. */
  readonly contextLength?: number;
  /** What becomes of longer prompts: they are refused, or left out and counted. Default `throw`. */
  readonly onLongPrompt?: "throw" | "drop";
  /** Gives order of prompts and samples. Default 0. */
  readonly seed?: number;
  /** Token ids to text, e.g. a tokenizer's. Default: the ids, with spaces between. */
  readonly decode?: (ids: Int32Array) => string;
  /** The run's own signal: ends sampling and scoring early; `train` then ends as it does between steps. */
  readonly signal?: AbortSignal;
  /** Called after each rollout. */
  readonly onRollout?: (report: RolloutReport) => void;
}

/** @throws OutOfRangeError, ConfigError naming the first option that makes no sense. */
export function checkRolloutOptions(options: RolloutOptions): void {
  const { groupSize, promptsPerStep, maxNewTokens, updatesPerRollout = 1, microBatches = 1, temperature = 1 } = options;
  requireCount("groupSize", groupSize, 2);
  requireCount("promptsPerStep", promptsPerStep);
  requireCount("maxNewTokens", maxNewTokens);
  requireCount("updatesPerRollout", updatesPerRollout);
  requireCount("microBatches", microBatches);
  const { contextLength = Number.POSITIVE_INFINITY } = options;
  if (!(maxNewTokens < contextLength)) {
    const expected = `below contextLength, ${contextLength}, so that a prompt has room`;
    throw outOfRange("maxNewTokens", expected, `${maxNewTokens}`);
  }
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY)) {
    throw outOfRange("temperature", "a number above 0: the same completion G times teaches nothing", `${temperature}`);
  }
  const { beta = 0, reference, overlong = "keep", stopTokens = [] } = options;
  if (beta > 0 && !reference) throw misconfigured("reference", "the reference policy, because beta is above 0", "none");
  if (overlong === "mask" && stopTokens.length === 0) {
    throw misconfigured(
      "overlong",
      "stopTokens, without which every completion is overlong",
      '"mask" and no stop token',
    );
  }
}

/**
 * Indices of the prompts that fit, and how many were left out.
 *
 * @throws EmptyDataError when there is none or one has no tokens; OutOfRangeError naming one that is too long.
 */
export function promptsThatFit(options: RolloutOptions): {
  readonly kept: readonly number[];
  readonly dropped: number;
} {
  const { prompts, maxNewTokens, onLongPrompt = "throw" } = options;
  const { contextLength = Number.POSITIVE_INFINITY, maxPromptTokens = Number.POSITIVE_INFINITY } = options;
  const limit = Math.min(maxPromptTokens, contextLength - maxNewTokens);
  for (const [i, { ids }] of prompts.entries()) {
    if (ids.length === 0) throw empty(`prompts[${i}]`, "at least one token");
    if (ids.length <= limit || onLongPrompt === "drop") continue;
    const room = contextLength - maxNewTokens <= maxPromptTokens ? `, which leaves ${maxNewTokens} new ones room` : "";
    const hint = 'Shorten it, or let onLongPrompt: "drop" leave such prompts out.';
    throw outOfRange(`prompts[${i}]`, `at most ${limit} tokens${room}`, `${ids.length}`, hint);
  }
  const kept = [...prompts.keys()].filter((i) => prompts[i]!.ids.length <= limit);
  if (kept.length === 0) throw empty("prompts", `at least one of at most ${limit} tokens`);
  return { kept, dropped: prompts.length - kept.length };
}

function requireCount(operand: string, value: number, least = 1): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw outOfRange(operand, `an integer >= ${least}`, `${value}`);
}

function outOfRange(operand: string, expected: string, actual: string, hint?: string): OutOfRangeError {
  return new OutOfRangeError({ op: "createRollouts", operand, expected, actual, ...(hint ? { hint } : {}) });
}

function misconfigured(operand: string, expected: string, actual: string): ConfigError {
  return new ConfigError({ op: "createRollouts", operand, expected, actual });
}

function empty(operand: string, expected: string): EmptyDataError {
  return new EmptyDataError({ op: "createRollouts", operand, expected, actual: "none" });
}
