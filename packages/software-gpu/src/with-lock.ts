import { mkdir, rm, stat, utimes } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** How often the holder says that it lives, how long it may be silent, how often others look. */
const HEARTBEAT_MILLISECONDS = 2_000;
const STALE_MILLISECONDS = 15_000;
const POLL_MILLISECONDS = 200;

/**
 * Runs `task` while no other process holds the lock folder `path`; waits for the holder as long as it lives.
 *
 * The lock of a process that was killed is taken over after 15 s of silence. Two waiters may then both enter: the lock
 * saves a second download, correctness rests on the rename at the end of an installation.
 */
export async function withLock<T>(path: string, task: () => Promise<T>, onWait: () => void = () => {}): Promise<T> {
  for (let waits = 0; !(await tryLock(path)); waits++) {
    if (waits === 0) onWait();
    await sleep(POLL_MILLISECONDS);
    if (await isStale(path)) await rm(path, { recursive: true, force: true });
  }
  const heartbeat = setInterval(
    () => void utimes(path, new Date(), new Date()).catch(() => {}),
    HEARTBEAT_MILLISECONDS,
  );
  try {
    return await task();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { recursive: true, force: true });
  }
}

/** Creating a folder is atomic: exactly one process succeeds. */
async function tryLock(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_MILLISECONDS;
  } catch {
    return false;
  }
}
