import type { StepRecord } from "./types.ts";

/** What a progress line shows. */
export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Mean over the steps of this process; those before a resume do not count. */
  readonly tokensPerSecond: number;
  /** Time left at the mean speed of this process. */
  readonly seconds: number;
  /** Load of the most loaded expert over the mean of its layer; absent without experts. */
  readonly worstExpertLoad?: number;
}

/** Where a meter begins. */
export interface ProgressStart {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Steps and tokens done before this process, by the run that is resumed. */
  readonly startStep: number;
  readonly startTokens: number;
  /** Default 1. */
  readonly everySeconds?: number;
  /** A clock in seconds. Default: the process's own. */
  readonly now?: () => number;
}

/** Turns step records into progress at most once in `everySeconds`, and always at the last step. */
export function createProgressMeter(from: ProgressStart): (record: StepRecord) => Progress | undefined {
  const { steps, startStep, startTokens, everySeconds = 1, now = () => performance.now() / 1000 } = from;
  const start = now();
  let last = start;
  return ({ step, tokens, loss, expertLoads }) => {
    const time = now();
    if (time - last < everySeconds && step < steps) return undefined;
    last = time;
    const elapsed = Math.max(1e-9, time - start);
    return {
      step,
      steps,
      loss,
      tokensPerSecond: (tokens - startTokens) / elapsed,
      seconds: ((steps - step) * elapsed) / (step - startStep),
      ...(expertLoads ? { worstExpertLoad: worstLoad(expertLoads) } : {}),
    };
  };
}

/** Largest ratio of an expert's load to the mean of its layer; 0 without any load. */
export function worstLoad(loads: readonly (readonly number[])[]): number {
  const ratios = loads.map((layer) => {
    const mean = layer.reduce((a, b) => a + b, 0) / layer.length;
    return mean === 0 ? 0 : Math.max(...layer) / mean;
  });
  return Math.max(0, ...ratios);
}

/** `step 120/600  loss 3.412  5.1k tok/s  left 1:32  worst expert 1.4x` */
export function formatProgress({ step, steps, loss, tokensPerSecond, seconds, worstExpertLoad }: Progress): string {
  const speed = tokensPerSecond >= 1000 ? `${(tokensPerSecond / 1000).toFixed(1)}k` : tokensPerSecond.toFixed(0);
  const balance = worstExpertLoad === undefined ? "" : `  worst expert ${worstExpertLoad.toFixed(1)}x`;
  return `step ${step}/${steps}  loss ${loss.toFixed(3)}  ${speed} tok/s  left ${formatTime(seconds)}${balance}`;
}

/** 92 -> `1:32`, 3692 -> `1:01:32` */
function formatTime(seconds: number): string {
  const rounded = Math.round(seconds);
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(rounded % 60)}`;
}
