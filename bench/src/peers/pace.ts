/** How the event loop turns while a promise of the GPU is pending: Dawn's busy polling, or a sleep between polls. */
export type Pace = "plain" | "polite";

const SLEEP_MS = 0.1;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Runs `work`; with "polite" a loop beside it sleeps between turns of the event loop, so that Dawn's polling leaves the
 * core to a software adapter. That is how ds3 waits; a peer that only knows `await` is given it from outside.
 */
export async function atPace<T>(pace: Pace, work: () => Promise<T>): Promise<T> {
  let working = true;
  const turn = (): void => {
    if (!working) return;
    Atomics.wait(sleeper, 0, 0, SLEEP_MS);
    setImmediate(turn);
  };
  if (pace === "polite") setImmediate(turn);
  try {
    return await work();
  } finally {
    working = false;
  }
}
