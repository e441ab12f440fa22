import type { Gpu } from "@ds3/tensor";
import { median } from "./figure.ts";

/** Milliseconds of a window: long against the read of the clock and the wait for the device. */
const WINDOW_MS = 60;
/** A window prepares all its calls first, so their number is what bounds its memory. */
const MAX_CALLS = 32;
const WINDOWS = 7;
/** Windows are fewer where one is long. */
const FEWEST_WINDOWS = 3;
const BUDGET_MS = 4000;

/** What one call costs. */
export interface CallCost {
  /** Median over the windows. */
  readonly seconds: number;
  readonly dispatches: number;
  readonly submits: number;
  /** At most, while one call ran; inputs included. */
  readonly peakBytes: number;
  /** Between calls: the inputs. */
  readonly liveBuffers: number;
}

/** Prepares a call outside the clock, and gives it. */
export type Prepare = () => () => void;

/**
 * Times calls of one op: a first one that compiles, a second that says how many make a window, then windows that end
 * with the device idle. `prepare` runs outside the clock and gives the call; what either allocates is freed.
 */
export async function measureCalls(gpu: Gpu, prepare: Prepare): Promise<CallCost> {
  const [cost] = await measureInTurns(gpu, [prepare]);
  return cost!;
}

/**
 * As `measureCalls` for several ops that are to be compared: a window of each after the other, so that what else the
 * machine does weighs on all alike.
 */
export async function measureInTurns(gpu: Gpu, prepares: readonly Prepare[]): Promise<CallCost[]> {
  const plans: WindowPlan[] = [];
  for (const prepare of prepares) plans.push(await planWindows(gpu, prepare));
  const turns = Math.max(...plans.map(({ windows }) => windows));
  const measured: WindowCost[][] = plans.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, { prepare, calls }] of plans.entries()) measured[i]!.push(await timeCalls(gpu, prepare, calls));
  }
  return plans.map(({ calls, peakBytes, liveBuffers }, i) => ({
    seconds: median(measured[i]!.map((cost) => cost.milliseconds)) / calls / 1000,
    dispatches: measured[i]![0]!.dispatches / calls,
    submits: measured[i]![0]!.submits / calls,
    peakBytes,
    liveBuffers,
  }));
}

interface WindowPlan extends Pick<CallCost, "peakBytes" | "liveBuffers"> {
  readonly prepare: Prepare;
  /** Of a window. */
  readonly calls: number;
  readonly windows: number;
}

async function planWindows(gpu: Gpu, prepare: Prepare): Promise<WindowPlan> {
  await timeCalls(gpu, prepare, 1);
  gpu.resetPeak();
  const { milliseconds } = await timeCalls(gpu, prepare, 1);
  const { peakBytes, liveBuffers } = gpu.stats;
  const calls = Math.max(1, Math.min(MAX_CALLS, Math.round(WINDOW_MS / milliseconds)));
  const windows = Math.max(FEWEST_WINDOWS, Math.min(WINDOWS, Math.floor(BUDGET_MS / (milliseconds * calls))));
  return { prepare, calls, windows, peakBytes, liveBuffers };
}

interface WindowCost {
  readonly milliseconds: number;
  readonly dispatches: number;
  readonly submits: number;
}

async function timeCalls(gpu: Gpu, prepare: Prepare, count: number): Promise<WindowCost> {
  using _window = gpu.scope("window");
  const calls = Array.from({ length: count }, prepare);
  await gpu.idle();
  const before = gpu.stats;
  const start = performance.now();
  for (const call of calls) {
    using _call = gpu.scope("call");
    call();
  }
  await gpu.idle();
  const milliseconds = performance.now() - start;
  const { dispatches, submits } = gpu.stats;
  return { milliseconds, dispatches: dispatches - before.dispatches, submits: submits - before.submits };
}
