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

/**
 * Times calls of one op: a first one that compiles, a second that says how many make a window, then windows that end
 * with the device idle. `prepare` runs outside the clock and gives the call; what either allocates is freed.
 */
export async function measureCalls(gpu: Gpu, prepare: () => () => void): Promise<CallCost> {
  await timeCalls(gpu, prepare, 1);
  gpu.resetPeak();
  const { milliseconds } = await timeCalls(gpu, prepare, 1);
  const { peakBytes, liveBuffers } = gpu.stats;
  const calls = Math.max(1, Math.min(MAX_CALLS, Math.round(WINDOW_MS / milliseconds)));
  const windows = Math.max(FEWEST_WINDOWS, Math.min(WINDOWS, Math.floor(BUDGET_MS / (milliseconds * calls))));
  const measured = [];
  for (let window = 0; window < windows; window++) measured.push(await timeCalls(gpu, prepare, calls));
  return {
    seconds: median(measured.map((cost) => cost.milliseconds)) / calls / 1000,
    dispatches: measured[0]!.dispatches / calls,
    submits: measured[0]!.submits / calls,
    peakBytes,
    liveBuffers,
  };
}

async function timeCalls(
  gpu: Gpu,
  prepare: () => () => void,
  count: number,
): Promise<{ milliseconds: number; dispatches: number; submits: number }> {
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
