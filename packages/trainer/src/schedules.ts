import { ConfigError } from "@ds3/errors";

/*
 * Learning-rate schedules as plain data, and pure functions of (step, tokens) on them. Steps count optimiser steps from 0;
 * tokens are those consumed before the step. A boundary belongs to the phase that it starts.
 */

/** Linear rise from 0 at step 0 to the peak at step `warmupSteps`. */
interface WarmUp {
  /** Highest learning rate. */
  readonly peak: number;
  readonly warmupSteps: number;
  /** Length of the whole run, by which {@link scaleSchedule} scales. */
  readonly totalSteps: number;
}

/**
 * DeepSeek-V3's five phases (report, section 4.2): warm-up, constant `peak` until `constantUntil` tokens, half a cosine
 * down to `floor` over `decayTokens`, `floor` for `holdTokens`, then `last` for `lastTokens` and ever after.
 */
export interface DeepseekV3Schedule extends WarmUp {
  readonly kind: "deepseek-v3";
  readonly constantUntil: number;
  readonly decayTokens: number;
  readonly floor: number;
  readonly holdTokens: number;
  readonly last: number;
  readonly lastTokens: number;
}

/** DeepSeek LLM's schedule: warm-up, then `peak` times the factor of the last milestone reached. */
export interface MultiStepSchedule extends WarmUp {
  readonly kind: "multi-step";
  readonly totalTokens: number;
  /** In order: from this share of totalTokens on, this factor of the peak. */
  readonly milestones: readonly { readonly from: number; readonly factor: number }[];
}

/** Warm-up, then half a cosine from `peak` to `floor` at the last step, and `floor` ever after. */
export interface CosineSchedule extends WarmUp {
  readonly kind: "cosine";
  readonly floor: number;
}

/** Any schedule of the learning rate. */
export type LearningRateSchedule = DeepseekV3Schedule | MultiStepSchedule | CosineSchedule;

/**
 * The report's own schedule: 14.8T tokens. `totalSteps` follows from the batch ramp at 4096 tokens a sequence.
 */
export const deepseekV3Schedule: DeepseekV3Schedule = Object.freeze({
  kind: "deepseek-v3",
  peak: 2.2e-4,
  warmupSteps: 2000,
  totalSteps: 242_783,
  constantUntil: 10e12,
  decayTokens: 4.3e12,
  floor: 2.2e-5,
  holdTokens: 333e9,
  last: 7.3e-6,
  lastTokens: 167e9,
});

/** DeepSeek LLM 7B's schedule: 2T tokens in batches of 2304 sequences of 4096 tokens. */
export const multiStepSchedule: MultiStepSchedule = Object.freeze({
  kind: "multi-step",
  peak: 4.2e-4,
  warmupSteps: 2000,
  totalSteps: 211_928,
  totalTokens: 2e12,
  milestones: [
    { from: 0.8, factor: 0.316 },
    { from: 0.9, factor: 0.1 },
  ],
});

/** Learning rate of a step. Pure: depends on nothing but its arguments. */
export function learningRate(schedule: LearningRateSchedule, step: number, tokens: number): number {
  if (step < schedule.warmupSteps) return (schedule.peak * step) / schedule.warmupSteps;
  if (schedule.kind === "deepseek-v3") return deepseekV3Rate(schedule, tokens);
  if (schedule.kind === "multi-step") return multiStepRate(schedule, tokens);
  const { peak, floor, warmupSteps, totalSteps } = schedule;
  return cosine(peak, floor, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
}

/** Tokens that a schedule covers, or undefined where it counts in steps only. */
export function scheduleTokens(schedule: LearningRateSchedule): number | undefined {
  if (schedule.kind === "cosine") return undefined;
  if (schedule.kind === "multi-step") return schedule.totalTokens;
  return schedule.constantUntil + schedule.decayTokens + schedule.holdTokens + schedule.lastTokens;
}

/** The length of a run. */
export interface RunLength {
  readonly totalSteps: number;
  readonly totalTokens: number;
}

/**
 * A schedule of the same shape for a run of another length: every token boundary keeps its share of the tokens, the
 * warm-up its share of the steps (at least one). Learning rates stay as they are.
 *
 * @throws ConfigError when a length is not above 0.
 */
export function scaleSchedule<Schedule extends LearningRateSchedule>(schedule: Schedule, length: RunLength): Schedule {
  for (const [operand, value] of Object.entries(length)) {
    if (value > 0 && Number.isFinite(value)) continue;
    throw new ConfigError({ op: "scaleSchedule", operand, expected: "a number above 0", actual: `${value}` });
  }
  const warmupSteps = Math.max(1, Math.round((schedule.warmupSteps * length.totalSteps) / schedule.totalSteps));
  const scaled = { ...schedule, warmupSteps, totalSteps: length.totalSteps };
  if (scaled.kind === "multi-step") return { ...scaled, totalTokens: length.totalTokens };
  if (scaled.kind === "cosine") return scaled;
  const factor = length.totalTokens / scheduleTokens(scaled)!;
  return {
    ...scaled,
    constantUntil: scaled.constantUntil * factor,
    decayTokens: scaled.decayTokens * factor,
    holdTokens: scaled.holdTokens * factor,
    lastTokens: scaled.lastTokens * factor,
  };
}

/** Growth of the batch, linear in tokens. */
export interface BatchRamp {
  /** Sequences a batch at the beginning. */
  readonly start: number;
  /** Sequences a batch from `rampTokens` on. */
  readonly end: number;
  readonly rampTokens: number;
}

/** DeepSeek-V3's ramp (report, section 4.2): 3072 to 15360 sequences over the first 469B tokens. */
export const deepseekV3BatchRamp: BatchRamp = Object.freeze({ start: 3072, end: 15360, rampTokens: 469e9 });

/**
 * Sequences a batch after `tokens`, not rounded.
 *
 * Differs from the paper: it says "gradually increased"; linear in tokens is our reading.
 */
export function batchSequences({ start, end, rampTokens }: BatchRamp, tokens: number): number {
  if (tokens >= rampTokens) return end;
  return start + ((end - start) * tokens) / rampTokens;
}

/** A ramp of the same shape for a run of `totalTokens` (the report's own has 14.8T), up to `end` sequences a batch. */
export function scaleBatchRamp(ramp: BatchRamp, to: { readonly totalTokens: number; readonly end: number }): BatchRamp {
  return {
    start: Math.max(1, (ramp.start * to.end) / ramp.end),
    end: to.end,
    rampTokens: (ramp.rampTokens * to.totalTokens) / scheduleTokens(deepseekV3Schedule)!,
  };
}

function deepseekV3Rate(schedule: DeepseekV3Schedule, tokens: number): number {
  const { peak, constantUntil, decayTokens, floor, holdTokens, last } = schedule;
  const sinceDecay = tokens - constantUntil;
  if (sinceDecay < 0) return peak;
  if (sinceDecay < decayTokens) return cosine(peak, floor, sinceDecay / decayTokens);
  return tokens < constantUntil + decayTokens + holdTokens ? floor : last;
}

function multiStepRate({ peak, totalTokens, milestones }: MultiStepSchedule, tokens: number): number {
  return peak * (milestones.findLast(({ from }) => tokens >= from * totalTokens)?.factor ?? 1);
}

/** Half a cosine from `from` to `to` while `share` goes from 0 to 1, and `to` beyond. */
function cosine(from: number, to: number, share: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(share, 1)))) / 2;
}
