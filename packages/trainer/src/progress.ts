import type { StepRecord } from "./types.ts";

/** What a progress line shows. */
export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
  /** Time left at the present speed. */
  readonly seconds: number;
  /** Load of the most loaded expert over the mean of its layer; absent without experts. */
  readonly worstExpertLoad?: number;
}

/** Turns step records into progress at most once in `everySeconds`, and at the last step. */
export function createProgressMeter(
  steps: number,
  startStep: number,
  everySeconds = 1,
  now: () => number = () => performance.now() / 1000,
): (record: StepRecord) => Progress | undefined {
  const start = now();
  let last = start;
  return (record) => {
    const time = now();
    if (time - last < everySeconds && record.step < steps) return undefined;
    last = time;
    const elapsed = Math.max(1e-9, time - start);
    const done = record.step - startStep;
    const tokensPerStep = record.tokens / record.step;
    const worst = record.expertLoads && worstLoad(record.expertLoads);
    return {
      step: record.step,
      steps,
      loss: record.loss,
      tokensPerSecond: (done * tokensPerStep) / elapsed,
      seconds: ((steps - record.step) * elapsed) / done,
      ...(worst === undefined ? {} : { worstExpertLoad: worst }),
    };
  };
}

/** Largest ratio of an expert's load to the mean of its layer. */
export function worstLoad(loads: readonly (readonly number[])[]): number {
  const ratios = loads.map((layer) => {
    const mean = layer.reduce((a, b) => a + b, 0) / layer.length;
    return mean === 0 ? 0 : Math.max(...layer) / mean;
  });
  return Math.max(0, ...ratios);
}

/** `step 120/600  loss 3.412  5.1k tok/s  left 1:32  worst expert 1.4x` */
export function formatProgress({ step, steps, loss, tokensPerSecond, seconds, worstExpertLoad }: Progress): string {
  const rounded = Math.round(seconds);
  const left = `${Math.floor(rounded / 60)}:${String(rounded % 60).padStart(2, "0")}`;
  const speed = tokensPerSecond >= 1000 ? `${(tokensPerSecond / 1000).toFixed(1)}k` : tokensPerSecond.toFixed(0);
  const balance = worstExpertLoad === undefined ? "" : `  worst expert ${worstExpertLoad.toFixed(1)}x`;
  return `step ${step}/${steps}  loss ${loss.toFixed(3)}  ${speed} tok/s  left ${left}${balance}`;
}
