/**
 * One writer a folder: a file in it names the process that holds it. The lock of a process that is no more, after a kill
 * or a crash, is taken over; where that cannot be known (another machine on a shared disk) it stands.
 */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { StateError } from "@ds3/errors";
import { writeFailure } from "./shards/shard-errors.ts";

/** A folder is held by another writer, or by one of this process. */
export class FolderLockedError extends StateError {
  static override readonly name: string = "FolderLockedError";
}

/** A folder that nobody else writes to. */
export interface FolderLock {
  /** The file. */
  readonly path: string;
  /** Look again, before what cannot be undone. @throws StateError when the file is gone or another's. */
  requireHeld(): void;
  /** Remove the file; again, or when it is another's: nothing. */
  release(): void;
  [Symbol.dispose](): void;
}

/** What the file says. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own measure; null where the system does not tell. */
  readonly started: string | null;
  /** The writer, since a process may have several. */
  readonly id: string;
  readonly since: string;
}

/**
 * Hold a folder that exists, by a file `name` in it, written at once. Give each use of a folder a name of its own. Release it when done,
 * after an error, too: while this process lives, nobody takes it over, this process neither.
 * @throws FolderLockedError of `op` saying which process holds it since when; DiskFullError, DiskWriteError.
 */
export function lockFolder(op: string, folder: string, name: string): FolderLock {
  const path = join(folder, name);
  const own = ownHolder();
  const temporary = `${path}.${own.id}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(own)}\n`);
    while (!putOnce(temporary, path)) takeOver(op, path, `${temporary}.old`);
  } catch (cause) {
    throw FolderLockedError.is(cause) ? cause : writeFailure(op, path, cause);
  } finally {
    rmSync(temporary, { force: true });
  }
  return new Lock(op, path, own.id);
}

class Lock implements FolderLock {
  readonly path: string;
  readonly #op: string;
  readonly #id: string;

  constructor(op: string, path: string, id: string) {
    this.path = path;
    this.#op = op;
    this.#id = id;
  }

  requireHeld(): void {
    const text = readOr(this.path);
    if (text !== undefined && parseHolder(text)?.id === this.#id) return;
    const actual = text === undefined ? "none: it was removed or released" : `that of ${describe(parseHolder(text))}`;
    const hint = "Begin again: another writer may have changed the folder.";
    throw new StateError({ op: this.#op, operand: this.path, expected: "the lock of this writer", actual, hint });
  }

  release(): void {
    const text = readOr(this.path);
    if (text !== undefined && parseHolder(text)?.id === this.#id) rmSync(this.path, { force: true });
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** True when the file got its name, false when the name is taken. A link shows the whole content from its first moment. */
function putOnce(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(codeOf(cause))) throw cause;
  }
  try {
    writeFileSync(path, readFileSync(temporary), { flag: "wx" }); // a disk without links, such as exFAT
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
}

/** Removes the lock of a process that is no more. */
function takeOver(op: string, path: string, aside: string): void {
  const text = readOr(path);
  if (text === undefined) return; // released just now
  const holder = parseHolder(text);
  if (holder === undefined || isAlive(holder)) throw held(op, path, holder);
  try {
    renameSync(path, aside);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return; // another took it over just now
    throw cause;
  }
  const moved = readFileSync(aside, "utf8");
  if (moved !== text) putOnce(aside, path); // and holds it: theirs is put back
  rmSync(aside, { force: true });
}

function held(op: string, path: string, holder: Holder | undefined): FolderLockedError {
  const expected = "a folder that no other writer holds";
  const hint = `Wait for it, or close it; where that process is surely no more, remove the file.`;
  return new FolderLockedError({ op, operand: path, expected, actual: `one held by ${describe(holder)}`, hint });
}

function describe(holder: Holder | undefined): string {
  if (holder === undefined) return "a file that is no lock";
  const who = holder.pid === process.pid && holder.host === hostname() ? "this process" : `process ${holder.pid}`;
  return `${who} on ${holder.host} since ${holder.since}`;
}

/** Numbers of processes are given anew, in containers from 1 on: the time of its start tells one from another. */
function isAlive({ pid, host, started }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if (codeOf(cause) === "ESRCH") return false;
  }
  const now = startOf(pid);
  return started === null || now === null || now === started;
}

function ownHolder(): Holder {
  const { pid } = process;
  const [id, since] = [randomUUID(), new Date().toISOString()];
  return { pid, host: hostname(), started: startOf(pid), id, since };
}

/** Linux: ticks from the machine's start to the process's, field 22, and which start of the machine it was. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
    return `${boot.trim()} ${ticks}`;
  } catch {
    return null;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder | null;
    const isHolder = Number.isSafeInteger(holder?.pid) && typeof holder?.host === "string";
    return isHolder && typeof holder?.id === "string" ? holder : undefined;
  } catch {
    return undefined;
  }
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

function codeOf(cause: unknown): string {
  return String((cause as { code?: unknown } | null)?.code);
}
