import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { StateError } from "@ds3/errors";
import { temporaryFolder } from "@ds3/testing";
import { expect, test } from "vitest";
import { FolderLockedError, lockFolder } from "./folder-lock.ts";

const NAME = "test.lock";

function write(folder: string, holder: object): void {
  const rest = { host: hostname(), started: null, id: "other", since: "2026-01-01T00:00:00.000Z" };
  writeFileSync(join(folder, NAME), JSON.stringify({ ...rest, ...holder }));
}

test("one holds it until it is released; a refusal says who, and leaves no file of its own", async () => {
  const folder = temporaryFolder();
  const lock = await lockFolder("write", folder, NAME);
  const error = await lockFolder("write", folder, NAME).catch((error) => error);
  expect(FolderLockedError.is(error) && StateError.is(error), `${error}`).toBe(true);
  expect(error.message).toMatch(
    /^write: .*test\.lock: expected a folder .*, got one held by this process on .* since 20/,
  );
  expect(readdirSync(folder)).toEqual([NAME]);
  await lock.requireHeld();
  await lock.release();
  expect(readdirSync(folder)).toEqual([]);
  await (await lockFolder("write", folder, NAME)).release();
});

test("of many at once exactly one gets it, also where a dead process held it", async () => {
  for (const wasHeld of [false, true]) {
    const folder = temporaryFolder();
    if (wasHeld) write(folder, { pid: spawnSync(process.execPath, ["-e", ""]).pid });
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => lockFolder("write", folder, NAME)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(folder)).toEqual([NAME]);
  }
});

test("a live process keeps it, a killed one does not", async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  write(folder, { pid: child.pid });
  await expect(lockFolder("write", folder, NAME)).rejects.toThrow(`held by process ${child.pid} on`);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  await (await lockFolder("write", folder, NAME)).requireHeld();
});

test.runIf(existsSync("/proc/self/stat"))("a number given to another process does not keep it", async () => {
  const folder = temporaryFolder();
  write(folder, { pid: process.pid, started: "another boot 1" });
  await (await lockFolder("write", folder, NAME)).release();
});

test("the lock of another machine stands, and so does a file that is none", async () => {
  const folder = temporaryFolder();
  write(folder, { pid: 1, host: "elsewhere" });
  await expect(lockFolder("write", folder, NAME)).rejects.toThrow("process 1 on elsewhere since 2026-01-01");
  writeFileSync(join(folder, NAME), "mine");
  await expect(lockFolder("write", folder, NAME)).rejects.toThrow(FolderLockedError);
  expect(readFileSync(join(folder, NAME), "utf8")).toBe("mine");
});

test("a lock that was removed or replaced is noticed, and another's is not released", async () => {
  const folder = temporaryFolder();
  const lock = await lockFolder("write", folder, NAME);
  rmSync(lock.path);
  await expect(lock.requireHeld()).rejects.toThrow("got none: it was removed");
  write(folder, { pid: process.pid });
  await expect(lock.requireHeld()).rejects.toThrow("got that of this process");
  await lock.release();
  expect(existsSync(lock.path)).toBe(true);
  await expect(lockFolder("write", join(folder, "none"), NAME)).rejects.toThrow("no such file");
});
