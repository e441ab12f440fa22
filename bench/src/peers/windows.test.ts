import { expect, test } from "vitest";
import { measureWindows } from "./windows.ts";

/** Each call takes `ms`; records how many calls each window had. */
function slowCalls(ms: number) {
  const counts: number[] = [];
  const run = async (count: number): Promise<void> => {
    counts.push(count);
    await new Promise((resolve) => setTimeout(resolve, ms * count));
  };
  return { counts, run };
}

test("a window is as many calls as its time holds, and the median counts", async () => {
  const { counts, run } = slowCalls(20);
  const { calls, seconds, pace, paceGain } = await measureWindows(
    run,
    { seconds: 0.05, mostCalls: 10, windows: 3 },
    false,
  );
  expect(calls).toBeGreaterThanOrEqual(2);
  expect(calls).toBeLessThanOrEqual(3);
  expect(counts).toEqual([1, calls, calls, calls]);
  expect(seconds).toBeGreaterThan(0.019 * calls);
  expect(pace).toBe("plain");
  expect(paceGain).toBeUndefined();
});

test("a slow call is a window by itself; a fast one is repeated up to the limit", async () => {
  const rule = { seconds: 0.01, mostCalls: 5, windows: 1 };
  expect((await measureWindows(slowCalls(30).run, rule, false)).calls).toBe(1);
  expect((await measureWindows(async () => {}, { ...rule, seconds: 10 }, false)).calls).toBe(5);
});

test("the faster pace is taken", async () => {
  const rule = { seconds: 0.01, mostCalls: 1, windows: 2 };
  // Turns of the event loop are what the polite pace slows down: this work is nothing else.
  const turns = async (): Promise<void> => {
    for (let i = 0; i < 300; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  expect((await measureWindows(turns, rule, true)).pace).toBe("plain");
  // Slow in every other window, first in the plain one: the polite one is found to be faster.
  let window = 0;
  const plainIsSlow = async (): Promise<void> => {
    window += 1;
    await new Promise((resolve) => setTimeout(resolve, window === 3 ? 60 : 5));
  };
  const { pace, paceGain } = await measureWindows(plainIsSlow, rule, true);
  expect(pace).toBe("polite");
  expect(paceGain).toBeGreaterThan(2);
});
