const sleeper = new Int32Array(new SharedArrayBuffer(4));
let waiting = 0;
let scheduled = false;
/** When the newest wait began, or the last one ended. */
let since = 0;

/** Milliseconds between two polls: a fiftieth of the wait so far, within bounds. */
const SHARE_OF_WAIT = 1 / 50;
const SHORTEST_SLEEP = 0.1;
/** Longer ones would be felt by timers and files that the process also waits for. */
const LONGEST_SLEEP = 1;

/**
 * Waits for a GPU promise while leaving the core to the driver.
 *
 * Dawn's Node binding polls at full speed as long as a promise is pending. Sleeping 0.1 ms between polls gives the
 * core back: 30 to 60 % more speed of the software adapter on two cores. Polls still take a seventh of a core then; in
 * long waits they come more rarely.
 */
export async function waitPolitely<T>(promise: Promise<T>): Promise<T> {
  waiting += 1;
  since = performance.now();
  schedule();
  try {
    return await promise;
  } finally {
    waiting -= 1;
    since = performance.now();
  }
}

function schedule(): void {
  if (scheduled || waiting === 0) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    if (waiting > 0) Atomics.wait(sleeper, 0, 0, sleepTime());
    schedule();
  });
}

function sleepTime(): number {
  const share = (performance.now() - since) * SHARE_OF_WAIT;
  return Math.min(LONGEST_SLEEP, Math.max(SHORTEST_SLEEP, share));
}
