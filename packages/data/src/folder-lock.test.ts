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

function refusal(folder: string): Error {
  try {
    lockFolder("write", folder, NAME);
  } catch (error) {
    return error as Error;
  }
  throw new Error("not refused");
}

test("one holds it until it is released; a refusal says who, and leaves no file of its own", async () => {
  const folder = temporaryFolder();
  const lock = lockFolder("write", folder, NAME);
  const error = refusal(folder);
  expect(FolderLockedError.is(error) && StateError.is(error), `${error}`).toBe(true);
  expect(error.message).toMatch(
    /^write: .*test\.lock: expected a folder .*, got one held by this process on .* since 20/,
  );
  expect(readdirSync(folder)).toEqual([NAME]);
  lock.requireHeld();
  lock.release();
  expect(readdirSync(folder)).toEqual([]);
  lockFolder("write", folder, NAME).release();
});

const LOCK_CHILD = `
import { lockFolder } from ${JSON.stringify(new URL("./folder-lock.ts", import.meta.url).href)};
try { lockFolder("write", process.argv[1], "test.lock"); console.log("held"); } catch (error) { console.log(error.name); }
process.stdin.resume();`;

test("of many processes at once exactly one gets it from a dead one, and keeps it from the rest", async () => {
  const folder = temporaryFolder();
  write(folder, { pid: spawnSync(process.execPath, ["-e", ""]).pid });
  const args = ["--import", "tsx", "-C", "@ds3/source", "--input-type=module", "-e", LOCK_CHILD, folder];
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const said = await Promise.all(children.map((child) => new Promise((resolve) => child.stdout.once("data", resolve))));
  expect(readdirSync(folder)).toEqual([NAME]);
  for (const child of children) child.stdin.end();
  expect(said.map((text) => `${text}`.trim()).sort()).toEqual([...Array(3).fill("FolderLockedError"), "held"]);
}, 30_000);

test("a live process keeps it, a killed one does not", async () => {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  write(folder, { pid: child.pid });
  expect(() => lockFolder("write", folder, NAME)).toThrow(`held by process ${child.pid} on`);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
  lockFolder("write", folder, NAME).requireHeld();
});

test.runIf(existsSync("/proc/self/stat"))("a number given to another process does not keep it", async () => {
  const folder = temporaryFolder();
  write(folder, { pid: process.pid, started: "another boot 1" });
  lockFolder("write", folder, NAME).release();
});

test("the lock of another machine stands, and so does a file that is none", async () => {
  const folder = temporaryFolder();
  write(folder, { pid: 1, host: "elsewhere" });
  expect(() => lockFolder("write", folder, NAME)).toThrow("process 1 on elsewhere since 2026-01-01");
  writeFileSync(join(folder, NAME), "mine");
  expect(() => lockFolder("write", folder, NAME)).toThrow(FolderLockedError);
  expect(readFileSync(join(folder, NAME), "utf8")).toBe("mine");
});

test("a lock that was removed or replaced is noticed, and another's is not released", async () => {
  const folder = temporaryFolder();
  const lock = lockFolder("write", folder, NAME);
  rmSync(lock.path);
  expect(() => lock.requireHeld()).toThrow("got none: it was removed");
  write(folder, { pid: process.pid });
  expect(() => lock.requireHeld()).toThrow("got that of this process");
  lock.release();
  expect(existsSync(lock.path)).toBe(true);
  expect(() => lockFolder("write", join(folder, "none"), NAME)).toThrow("no such file");
});
