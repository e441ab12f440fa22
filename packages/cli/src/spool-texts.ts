/** Texts that readers give one after the other, for trainers that take them at once: memory holds one of them. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiskFullError, DiskWriteError } from "@ds3/data/node";

/** Texts on disk; remove them when done. */
export interface SpooledTexts extends Iterable<string>, Disposable {
  readonly count: number;
  /** UTF-8 bytes. */
  readonly bytes: number;
}

/** Bytes held back before they are written, and read at once. */
const BLOCK_BYTES = 1 << 20;

/**
 * Write texts to a temporary file, each behind its length; iterating reads them again, any number of times.
 * @param givenFolder where the file goes; removed with it. Default: a new one among the system's temporary files.
 * @throws DiskFullError, DiskWriteError; and what reading the texts throws.
 */
export async function spoolTexts(
  texts: AsyncIterable<string>,
  onText: (count: number, bytes: number) => void = () => {},
  givenFolder?: string,
): Promise<SpooledTexts> {
  const base = join(tmpdir(), "ds3-texts-");
  const folder = givenFolder ?? guard(base, () => mkdtempSync(base));
  const path = join(folder, "texts");
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let [count, bytes] = [0, 0];
  try {
    const file = guard(path, () => openSync(path, "w"));
    try {
      const onBytes = (length: number): void => {
        count++;
        bytes += length;
        onText(count, bytes);
      };
      for await (const block of blocksOf(texts, onBytes)) guard(path, () => writeAll(file, block));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { count, bytes, [Symbol.iterator]: () => readTexts(path, count), [Symbol.dispose]: remove };
}

async function* blocksOf(texts: AsyncIterable<string>, onText: (bytes: number) => void): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const text of texts) {
    const body = Buffer.from(text);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(body.length);
    held.push(head, body);
    heldBytes += 4 + body.length;
    onText(body.length);
    if (heldBytes < BLOCK_BYTES) continue;
    yield Buffer.concat(held);
    held = [];
    heldBytes = 0;
  }
  yield Buffer.concat(held);
}

function guard<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint = "Free space there, or name another folder for temporary files, as in TMPDIR.";
    const details = { op: "spoolTexts", operand: path, hint, cause };
    if (code === "ENOSPC" || code === "EDQUOT")
      throw new DiskFullError({ ...details, expected: "space on the disk", actual: `none left (${code})` });
    throw new DiskWriteError({ ...details, expected: "a file that can be written", actual: message });
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from);
}

function* readTexts(path: string, count: number): Generator<string, void, undefined> {
  const file = openSync(path, "r");
  let block = Buffer.alloc(0);
  let at = 0;
  const take = (bytes: number): Buffer => {
    if (block.length - at < bytes) {
      const next = Buffer.alloc(Math.max(BLOCK_BYTES, bytes));
      const left = block.copy(next, 0, at);
      const read = readSync(file, next, left, next.length - left, null);
      block = next.subarray(0, left + read);
      at = 0;
    }
    at += bytes;
    return block.subarray(at - bytes, at);
  };
  try {
    for (let i = 0; i < count; i++) yield take(take(4).readUInt32LE()).toString();
  } finally {
    closeSync(file);
  }
}
