import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FormatError } from "@ds3/errors";
import { parseSafetensorsHeader, type SafetensorsEntry, type SafetensorsTensor, viewAs } from "@ds3/tensor/safetensors";

/** Bytes that one call of the system is asked for: it does not give 2 GiB and more. */
const CHUNK = 2 ** 26;
/** More than the longest header that is accepted. */
const LARGEST_HEADER = 2 ** 27;

/** A safetensors file whose tensors are read when they are asked for. */
export interface SafetensorsFile {
  /** By name, in the order of the data. Each access to `bytes` or `data` reads the tensor anew: keep neither for long. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  close(): void;
}

/**
 * Opens a safetensors file of any size. Its header is read and checked, strictly, as by `parseSafetensors`.
 *
 * @throws FormatError for a torn, truncated or damaged file, and for one that cannot be read, with the system's words.
 */
export function openSafetensors(path: string): SafetensorsFile {
  const file = whileReading(path, () => openSync(path, "r"));
  const close = (): void => closeSync(file);
  try {
    const { entries, dataStart } = readHeader(path, file);
    return { tensors: new Map(entries.map((entry) => [entry.name, lazyTensor(path, file, dataStart, entry)])), close };
  } catch (error) {
    close();
    throw error;
  }
}

function readHeader(path: string, file: number): ReturnType<typeof parseSafetensorsHeader> {
  const size = whileReading(path, () => fstatSync(file).size);
  const start = readRange(path, file, 0, Math.min(8, size));
  // What no header is as long as is refused by its first bytes.
  const length = size < 8 ? 0 : Number(new DataView(start.buffer).getBigUint64(0, true));
  return parseSafetensorsHeader(readRange(path, file, 0, Math.min(size, 8 + length, LARGEST_HEADER)), size);
}

function lazyTensor(
  path: string,
  file: number,
  dataStart: number,
  { dtype, shape, begin, end }: SafetensorsEntry,
): SafetensorsTensor {
  const read = (): Uint8Array => readRange(path, file, dataStart + begin, end - begin);
  return {
    dtype,
    shape,
    get bytes() {
      return read();
    },
    get data() {
      return viewAs(dtype, read());
    },
  };
}

function readRange(path: string, file: number, begin: number, length: number): Uint8Array<ArrayBuffer> {
  return whileReading(path, () => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const read = readSync(file, bytes, at, Math.min(CHUNK, length - at), begin + at);
      if (read === 0) throw new Error(`the file ends at byte ${begin + at}`);
      at += read;
    }
    return bytes;
  });
}

function whileReading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The error of a file that the system does not give. */
export function unreadable(operand: string, cause: unknown): FormatError {
  const hint = "Check the folder's name, that all files of the checkpoint are there, and that they may be read.";
  const actual = (cause as Error).message;
  return new FormatError({ op: "loadCheckpoint", operand, expected: "a readable file", actual, hint, cause });
}
