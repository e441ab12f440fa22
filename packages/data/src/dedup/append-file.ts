import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { FormatError } from "@ds3/errors";
import { diskFullCode } from "../disk-full-code.ts";
import { DiskFullError, DiskWriteError } from "../shards/shard-errors.ts";

/** Writes some of the bytes at a place in a file and says how many: the one call that a full disk fails. */
export type WriteBytes = (file: number, bytes: Uint8Array, position: number) => number;

/** `writeSync` of Node. */
export const writeBytes: WriteBytes = (file, bytes, position) => writeSync(file, bytes, 0, bytes.length, position);

/** How a file is opened. */
export interface AppendFileOptions {
  readonly path: string;
  /** Bytes of it that are known to be good; what lies behind them is cut off. */
  readonly length: number;
  /** Bytes held back before they are written. */
  readonly bufferBytes: number;
  readonly write: WriteBytes;
}

/** A file of 32-bit words that grows at its end and is read at any place. */
export class AppendFile {
  readonly path: string;
  readonly #file: number;
  readonly #write: WriteBytes;
  readonly #buffer: Uint32Array;
  #buffered = 0;
  #written: number;
  #failure: DiskWriteError | undefined;

  /** @throws DiskWriteError when the file cannot be opened; FormatError when it is shorter than `length`. */
  constructor({ path, length, bufferBytes, write }: AppendFileOptions) {
    this.path = path;
    this.#write = write;
    this.#buffer = new Uint32Array(Math.ceil(bufferBytes / 4));
    this.#written = length;
    this.#file = openForAppend(path, length);
  }

  /**
   * Add `words[from .. to)` at the end.
   * @throws DiskWriteError, DiskFullError when the system refuses them, now and ever after: the file's end is not known.
   */
  append(words: Uint32Array | Int32Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (this.#buffered === this.#buffer.length) this.flush();
      this.#buffer[this.#buffered++] = words[i]!;
    }
  }

  /** Hand what is held back to the system. @throws as `append`. */
  flush(): void {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, 4 * this.#buffered);
    this.#buffered = 0;
    this.#writeAll(bytes);
  }

  /** Wait until all of it is on the disk. @throws as `append`. */
  sync(): void {
    this.flush();
    try {
      fsyncSync(this.#file);
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  /** Fill `into` with the bytes from `position` on, which must have been flushed. @throws FormatError at the file's end. */
  read(into: Uint8Array, position: number): void {
    for (let done = 0; done < into.length; ) {
      const got = readSync(this.#file, into, done, into.length - done, position + done);
      if (got === 0) throw tooShort(this.path, position + into.length, position + done);
      done += got;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #writeAll(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (let done = 0; done < bytes.length; ) {
        const wrote = this.#write(this.#file, bytes.subarray(done), this.#written);
        done += wrote;
        this.#written += wrote;
      }
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  #fail(cause: unknown): DiskWriteError {
    this.#failure = spillFailure(this.path, cause);
    return this.#failure;
  }
}

/** The error for a file that could not be written. */
export function spillFailure(path: string, cause: unknown): DiskWriteError {
  const code = diskFullCode(cause);
  const isFull = code !== undefined;
  const details = {
    op: "openDeduplicator",
    operand: path,
    expected: isFull ? "space on the disk" : "a file that can be written",
    actual: isFull ? `none left (${code})` : cause instanceof Error ? cause.message : String(cause),
    hint: `${isFull ? "Free space" : "Check the folder"} and open it again: it goes on from its last commit.`,
    cause,
  };
  return isFull ? new DiskFullError(details) : new DiskWriteError(details);
}

function openForAppend(path: string, length: number): number {
  let file: number;
  try {
    file = openSync(path, "a"); // only to make it: "r+" wants a file that is there
    closeSync(file);
    file = openSync(path, "r+");
  } catch (cause) {
    throw spillFailure(path, cause);
  }
  const size = fstatSync(file).size;
  if (size < length) {
    closeSync(file);
    throw tooShort(path, length, size);
  }
  ftruncateSync(file, length);
  return file;
}

function tooShort(path: string, length: number, size: number): FormatError {
  const hint = "The folder was changed from outside: delete it and start again.";
  const [expected, actual] = [`${length} bytes or more`, `${size} bytes`];
  return new FormatError({ op: "openDeduplicator", operand: path, expected, actual, hint });
}
