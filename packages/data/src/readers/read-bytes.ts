import { type FileHandle, open } from "node:fs/promises";
import { FormatError } from "@ds3/errors";
import { unreadable } from "../unreadable.ts";
import { compressionByName } from "./file-format.ts";
import { gunzip } from "./gunzip.ts";
import { unzstd } from "./unzstd.ts";

type Compression = "gzip" | "zstd";

/**
 * The bytes of a file, decompressed when it begins as gzip or Zstandard files do, whatever its name. A chunk is valid
 * until the next one is asked for. What stands before a damage comes before the error. Every damage of gzip and of
 * Zstandard frames with a checksum is found; frames without one, which the format allows, may hide it.
 * @throws FormatError of `op` naming the file when it cannot be read, when its compression is damaged or cut off, or
 * when it is named as compressed and is not.
 */
export async function* readBytes(path: string, op: string, chunkBytes: number): AsyncGenerator<Buffer> {
  const handle = await open(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause, op)));
  try {
    const compression = await compressionOf(handle, path, op);
    if (compression === "gzip") yield* gunzip((size) => readPlain(handle, path, op, size), { path, op, chunkBytes });
    else if (compression === "zstd") yield* unzstd(readPlain(handle, path, op, chunkBytes), path, op);
    else yield* readPlain(handle, path, op, chunkBytes);
  } finally {
    await handle.close();
  }
}

/** By the first bytes: gzip's 1F 8B; Zstandard's frame FD2FB528, or a skippable frame 184D2A5x, little-endian. */
async function compressionOf(handle: FileHandle, path: string, op: string): Promise<Compression | undefined> {
  const start = Buffer.alloc(4);
  const read = handle.read(start, 0, 4, 0).catch((cause: unknown) => Promise.reject(unreadable(path, cause, op)));
  await read;
  const named = compressionByName(path);
  const isZstd = start.readUInt32LE() === 0xfd2fb528 || start.readUInt32LE() >>> 4 === 0x184d2a5;
  const found = start[0] === 0x1f && start[1] === 0x8b ? "gzip" : isZstd ? "zstd" : undefined;
  if (named === undefined || found === named) return found;
  const { size } = await handle.stat();
  const actual = size === 0 ? "an empty file" : `${found ?? "other"} data`;
  throw new FormatError({ op, operand: path, expected: `${named} data, as the name says`, actual });
}

/** Two buffers in turn: one is read into while the other is worked on. */
async function* readPlain(handle: FileHandle, path: string, op: string, size: number): AsyncGenerator<Buffer> {
  const buffers = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)];
  let position = 0;
  const read = async (index: number): Promise<Buffer> => {
    const { bytesRead } = await handle.read(buffers[index]!, 0, size, position);
    position += bytesRead;
    return buffers[index]!.subarray(0, bytesRead);
  };
  let pending = read(0);
  try {
    for (let turn = 1; ; turn ^= 1) {
      const chunk = await pending.catch((cause: unknown) => Promise.reject(unreadable(path, cause, op)));
      if (chunk.length === 0) return;
      pending = read(turn);
      yield chunk;
    }
  } finally {
    await pending.catch(() => undefined); // the file must not be closed while it is read
  }
}
