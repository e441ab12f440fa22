import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { StateError } from "@ds3/errors";
import { diskFullCode } from "../disk-full-code.ts";
import { DiskFullError, DiskWriteError } from "../shards/shard-errors.ts";
import type { Reject } from "./reject.ts";

/** A file that takes the records which could not be read. */
export interface RejectsFile {
  readonly path: string;
  /** Records taken since it was opened. */
  readonly count: number;
  /** Append a record; it is with the system when this returns. Bound: give it as `onReject`. */
  readonly add: (reject: Reject) => void;
  /** Bring everything onto the disk and close the file. May be called twice. */
  close(): void;
  [Symbol.dispose](): void;
}

const OP = "createRejectsFile";

/**
 * Open a JSON Lines file of rejects, `{file, line, reason, text, base64?}` each; a file that is there is continued, also
 * behind a last line that was cut off. Writing is synchronous: rejects are few, and none is lost when the process ends.
 * @throws DiskWriteError naming the file when it cannot be written, DiskFullError for want of space; StateError after
 * `close`.
 */
export function createRejectsFile(path: string): RejectsFile {
  const file = guard(path, () => openSync(path, "a+"));
  let isOpen = true;
  let count = 0;
  guard(path, () => endLastLine(file));
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    guard(path, () => fsyncSync(file));
    closeSync(file);
  };
  return {
    path,
    get count() {
      return count;
    },
    add: (reject) => {
      if (!isOpen)
        throw new StateError({ op: OP, operand: path, expected: "an open file", actual: "one that is closed" });
      guard(path, () => writeAll(file, Buffer.from(`${JSON.stringify(reject)}\n`)));
      count++;
    },
    close,
    [Symbol.dispose]: close,
  };
}

function endLastLine(file: number): void {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 10) writeAll(file, Buffer.of(10));
}

/** A write may take less than all when the disk is nearly full; the next one then says so. */
function writeAll(file: number, bytes: Buffer): void {
  for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from);
}

function guard<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    const code = diskFullCode(cause);
    const details = { op: OP, operand: path, expected: "a file to append to", cause };
    if (code === undefined) {
      throw new DiskWriteError({
        ...details,
        actual: (cause as Error).message,
        hint: "Check the folder and its permissions.",
      });
    }
    const hint = "Free space and run again; what was written stays.";
    throw new DiskFullError({ ...details, actual: `a full disk (${code})`, hint });
  }
}
