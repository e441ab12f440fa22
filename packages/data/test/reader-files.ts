/** Files for the tests of readers: every format written from the same texts, by definition. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll } from "vitest";

/** A folder that lasts as long as the tests of a file, and a function that writes files into it. */
export async function testFolder(): Promise<{
  folder: string;
  file: (name: string, content: string | Uint8Array) => Promise<string>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "ds3-readers-"));
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
  return { folder, file };
}

/** The values of an iteration. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

/** CSV of RFC 4180 with all fields in quotes. */
export function toCsv(rows: readonly (readonly string[])[], delimiter = ",", lineEnd = "\n"): string {
  const quote = (field: string): string => `"${field.split('"').join('""')}"`;
  return rows.map((row) => row.map(quote).join(delimiter) + lineEnd).join("");
}

/** A Parquet file with a column of text, in row groups of `rows`. */
export function toParquet(
  texts: readonly (string | null)[],
  options: Omit<Parameters<typeof parquetWriteBuffer>[0], "columnData"> = {},
): Uint8Array {
  const ids = texts.map((_, index) => index);
  const columnData = [
    { name: "id", data: ids, type: "INT32" as const },
    { name: "text", data: [...texts], type: "STRING" as const },
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData, ...options }));
}

/** Each format's file of these texts, by extension; the parts of text files stand between blank lines. */
export function inEveryFormat(texts: readonly string[]): Record<string, Uint8Array> {
  const rows = texts.map((text, index) => [String(index), text]);
  return {
    ".txt": Buffer.from(texts.join("<|end|>")),
    ".md": Buffer.from(texts.join("<|end|>")),
    ".jsonl": Buffer.from(texts.map((text, id) => `${JSON.stringify({ id, text })}\n`).join("")),
    ".csv": Buffer.from(toCsv([["id", "text"], ...rows])),
    ".tsv": Buffer.from(toCsv([["id", "text"], ...rows], "\t", "\r\n")),
    ".parquet": toParquet(texts, { rowGroupSize: 3 }),
  };
}

/** A Zstandard frame of stored blocks, as RFC 8878 has it: one segment, content size in 4 bytes, no checksum. */
export function zstdStored(bytes: Uint8Array, blockBytes = 1000): Uint8Array {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  header.writeUInt32LE(bytes.length, 5);
  const parts: Uint8Array[] = [header];
  for (let from = 0; from === 0 || from < bytes.length; from += blockBytes) {
    const block = bytes.subarray(from, from + blockBytes);
    const start = Buffer.alloc(4);
    start.writeUInt32LE((from + blockBytes >= bytes.length ? 1 : 0) | (block.length << 3));
    parts.push(start.subarray(0, 3), block);
  }
  return Buffer.concat(parts);
}

/** Compressions by the extension they add. */
export const COMPRESSIONS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  "": (bytes) => bytes,
  ".gz": (bytes) => gzipSync(bytes),
  ".zst": (bytes) => zstdStored(bytes),
};
