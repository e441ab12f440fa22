import { mkdir, mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { withLock } from "./with-lock.ts";

const folder = await mkdtemp(join(tmpdir(), "ds3-lock-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

test("holders follow one another, also after one throws, and the lock is gone in the end", async () => {
  let inside = 0;
  let most = 0;
  let waits = 0;
  const hold = (fails: boolean) => async (): Promise<string> => {
    most = Math.max(most, ++inside);
    await sleep(30);
    inside--;
    if (fails) throw new Error("holder failed");
    return "done";
  };
  const lock = join(folder, "a");
  const runs = [true, false, false].map((fails) => withLock(lock, hold(fails), () => waits++));
  const results = await Promise.allSettled(runs);
  expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect([most, waits]).toEqual([1, 2]);
  expect(await readdir(folder)).toEqual([]);
});

test("the lock of a killed process is taken over", async () => {
  const lock = join(folder, "b");
  await mkdir(lock);
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lock, longAgo, longAgo);
  expect(await withLock(lock, async () => "taken")).toBe("taken");
});
