import { median } from "../figure.ts";
import { atPace, type Pace } from "./pace.ts";

/** How something is timed. */
export interface WindowRule {
  /** A window is as long as this, or one call where that takes longer. */
  readonly seconds: number;
  readonly mostCalls: number;
  /** Their median counts. */
  readonly windows: number;
}

/** What was measured. */
export interface WindowResult {
  /** Calls in a window. */
  readonly calls: number;
  /** Median seconds of a window. */
  readonly seconds: number;
  readonly pace: Pace;
  /** Where the pace was chosen: how many times faster than the other its window was. */
  readonly paceGain?: number;
}

/** The rule for products. The first calls, which compile kernels, are not timed. */
export const PRODUCT_RULE: WindowRule = { seconds: 0.5, mostCalls: 64, windows: 7 };
/** The rule for training steps, after four whose losses were read. */
export const TRAINING_RULE: WindowRule = { seconds: 2, mostCalls: 10, windows: 5 };

/**
 * Times windows of calls; every contender is measured by this one function. `run(count)` resolves when the work of all
 * `count` calls is done. It must have run before: nothing here is compiled in a window.
 * With `choosesPace` one window at each pace decides which the others have: the faster.
 */
export async function measureWindows(
  run: (count: number) => Promise<void>,
  { seconds, mostCalls, windows }: WindowRule,
  choosesPace: boolean,
): Promise<WindowResult> {
  const time = async (count: number, pace: Pace): Promise<number> => {
    const start = performance.now();
    await atPace(pace, () => run(count));
    return (performance.now() - start) / 1000;
  };
  const calls = Math.min(mostCalls, Math.max(1, Math.ceil(seconds / (await time(1, "plain")))));
  const choice = choosesPace
    ? fasterPace(await time(calls, "polite"), await time(calls, "plain"))
    : { pace: "plain" as const };
  const times: number[] = [];
  for (let window = 0; window < windows; window++) times.push(await time(calls, choice.pace));
  return { calls, seconds: median(times), ...choice };
}

function fasterPace(polite: number, plain: number): Pick<WindowResult, "pace" | "paceGain"> {
  return polite < plain ? { pace: "polite", paceGain: plain / polite } : { pace: "plain", paceGain: polite / plain };
}
