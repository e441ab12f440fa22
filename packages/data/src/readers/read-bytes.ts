import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { FormatError } from "@ds3/errors";
import { Decompress } from "fzstd";
import { unreadable } from "../unreadable.ts";
import { compressionByName } from "./file-format.ts";

type Compression = "gzip" | "zstd";

/**
 * The bytes of a file, decompressed when it begins as gzip or Zstandard files do, whatever its name. A chunk is valid
 * until the next one is asked for.
 * @throws FormatError of `op` naming the file when it cannot be read, when its compression is damaged or cut off, or
 * when it is named as compressed and is not.
 */
export async function* readBytes(path: string, op: string, chunkBytes: number): AsyncGenerator<Buffer> {
  const handle = await open(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause, op)));
  try {
    const compression = await compressionOf(handle, path, op);
    if (compression === "gzip") yield* gunzip(path, op, chunkBytes);
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

async function* gunzip(path: string, op: string, chunkBytes: number): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: Math.min(chunkBytes, 1 << 18) });
  const unzipped = createGunzip({ chunkSize: Math.max(chunkBytes, 64) });
  pipeline(file, unzipped, () => undefined); // its error comes out of the iteration
  try {
    yield* unzipped as AsyncIterable<Buffer>;
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code;
    if (typeof code !== "string" || !code.startsWith("Z_")) throw unreadable(path, cause, op);
    throw damaged(path, op, "gzip", code === "Z_BUF_ERROR", cause);
  } finally {
    file.destroy();
    unzipped.destroy();
  }
}

/** Bytes given to the decoder at once: few, since what they expand to is held together. */
const ZSTD_INPUT_BYTES = 1 << 14;
const ZSTD_UNEXPECTED_END = 5;

async function* unzstd(chunks: AsyncIterable<Buffer>, path: string, op: string): AsyncGenerator<Buffer> {
  let ready: Buffer[] = [];
  const decoder = new Decompress((data) => {
    if (data.length > 0) ready.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  });
  const push = (input: Uint8Array, isLast: boolean): Buffer[] => {
    ready = [];
    try {
      decoder.push(input, isLast);
    } catch (cause) {
      const isCut = (cause as { code?: unknown } | null)?.code === ZSTD_UNEXPECTED_END;
      throw damaged(path, op, "zstd", isCut, cause);
    }
    return ready;
  };
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += ZSTD_INPUT_BYTES) {
      yield* push(Uint8Array.prototype.slice.call(chunk, from, from + ZSTD_INPUT_BYTES), false); // it keeps its input
    }
  }
  yield* push(new Uint8Array(0), true);
}

function damaged(path: string, op: string, kind: Compression, isCut: boolean, cause: unknown): FormatError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const actual = isCut ? "a file that is cut off" : `damaged data (${message})`;
  return new FormatError({
    op,
    operand: path,
    expected: `complete ${kind} data`,
    actual,
    cause,
    hint: "Fetch it anew.",
  });
}
