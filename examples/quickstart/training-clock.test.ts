import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTrainingClock } from "./training-clock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ds3-clock-"));
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

test("pauses do not count for training, and a resumed run adds up", async () => {
  const first = await createTrainingClock(folder, { resume: false, sessionStart: new Date() });
  vi.advanceTimersByTime(5_000);
  first.start();
  vi.advanceTimersByTime(10_000);
  first.count(1_000);
  first.pause();
  vi.advanceTimersByTime(3_000);
  expect([first.seconds, first.tokensPerSecond]).toEqual([10, 100]);
  await first.save();

  vi.advanceTimersByTime(3_600_000);
  const sessionStart = new Date();
  const second = await createTrainingClock(folder, { resume: true, sessionStart });
  second.start();
  vi.advanceTimersByTime(30_000);
  second.count(2_000);
  second.pause();
  expect([second.seconds, second.tokensPerSecond]).toEqual([40, 50]);
  expect(sessionStart.getTime() - second.startedAt.getTime()).toBe(18_000);
});

test("a torn file counts as none", async () => {
  await writeFile(join(folder, "training-time.json"), '{"tokens":');
  const clock = await createTrainingClock(folder, { resume: true, sessionStart: new Date() });
  expect([clock.seconds, clock.tokensPerSecond]).toEqual([0, 0]);
});
