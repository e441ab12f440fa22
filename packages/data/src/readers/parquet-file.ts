import { isUtf8 } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { FormatError } from "@ds3/errors";
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { unreadable } from "../unreadable.ts";

/** A row: columns by name. */
export type ParquetRow = Readonly<Record<string, unknown>>;

/** Rows of a file, of which the first one has this number, from 0. */
export interface ParquetRows {
  readonly first: number;
  readonly rows: readonly ParquetRow[];
}

/** A byte array that a column of text holds and that is no UTF-8. */
export class InvalidText {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The text with U+FFFD where the bytes are none. */
  toString(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }
}

/** Bytes of columns that are decoded at once, where the file has an index of its pages; else a row group is. */
const DECODED_BYTES = 1 << 24;

/** Node's zlib is native; what it lacks is decoded in JavaScript or WebAssembly. */
const COMPRESSORS: Compressors = {
  ...compressors,
  GZIP: (input) => gunzipSync(input),
  BROTLI: (input) => brotliDecompressSync(input),
};

/** A Parquet file that is open: its columns, and its rows by row groups or parts of them. */
export class ParquetFile {
  readonly path: string;
  readonly #op: string;
  readonly #handle: FileHandle;
  readonly #metadata: FileMetaData;
  readonly #buffer: AsyncBuffer;

  private constructor(path: string, op: string, handle: FileHandle, buffer: AsyncBuffer, metadata: FileMetaData) {
    this.path = path;
    this.#op = op;
    this.#handle = handle;
    this.#buffer = buffer;
    this.#metadata = metadata;
  }

  /** @throws FormatError of `op` when the file cannot be read, or is no complete Parquet file. */
  static async open(path: string, op: string): Promise<ParquetFile> {
    const handle = await open(path).catch((cause: unknown) => Promise.reject(unreadable(path, cause, op)));
    try {
      const buffer = await bufferOf(handle).catch((cause: unknown) => Promise.reject(unreadable(path, cause, op)));
      const metadata = await metadataOf(buffer, path, op);
      return new ParquetFile(path, op, handle, buffer, metadata);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  get columns(): string[] {
    return parquetSchema(this.#metadata).children.map(({ element }) => element.name);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /**
   * All rows with these columns, in order; text that is no UTF-8 is an `InvalidText`.
   * @throws FormatError naming the file and the rows for data that are damaged or less than the file promises.
   */
  async *read(columns: readonly string[]): AsyncGenerator<ParquetRows> {
    for (const [from, to] of this.#ranges(columns))
      yield { first: from, rows: await this.#readRows(columns, from, to) };
  }

  /** Row groups, or equal parts of those which are large and can be read in parts. */
  *#ranges(columns: readonly string[]): Generator<[number, number]> {
    let first = 0;
    for (const group of this.#metadata.row_groups) {
      const rows = Number(group.num_rows);
      const chunks = group.columns.filter(({ meta_data }) => columns.includes(meta_data?.path_in_schema[0] ?? ""));
      const bytes = chunks.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0);
      const isIndexed = chunks.every(({ offset_index_offset }) => offset_index_offset !== undefined);
      const parts = isIndexed ? Math.ceil(bytes / DECODED_BYTES) : 1;
      const step = Math.max(1, Math.ceil(rows / Math.max(1, parts)));
      for (let from = 0; from < rows; from += step) yield [first + from, first + Math.min(rows, from + step)];
      first += rows;
    }
  }

  async #readRows(columns: readonly string[], rowStart: number, rowEnd: number): Promise<readonly ParquetRow[]> {
    const options = { file: this.#buffer, metadata: this.#metadata, compressors: COMPRESSORS, useOffsetIndex: true };
    try {
      const rows = await parquetReadObjects({
        ...options,
        columns: [...columns],
        rowStart,
        rowEnd,
        parsers: { stringFromBytes },
      });
      const short = rows.length === rowEnd - rowStart ? rows.findIndex((row) => isShort(row, columns)) : rows.length;
      if (short < 0) return rows;
      throw new RangeError(`only ${short} of ${rowEnd - rowStart} rows`);
    } catch (cause) {
      const actual = cause instanceof Error ? cause.message : String(cause);
      const expected = `readable data of rows ${rowStart + 1} to ${rowEnd}`;
      throw new FormatError({ op: this.#op, operand: this.path, expected, actual, cause, hint: "Fetch it anew." });
    }
  }
}

function isShort(row: ParquetRow, columns: readonly string[]): boolean {
  return columns.some((column) => row[column] === undefined);
}

function stringFromBytes(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  if (!isUtf8(bytes)) return new InvalidText(bytes.slice());
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size } = await handle.stat();
  if (size > 0) await handle.read(Buffer.alloc(1), 0, 1, 0); // a folder has a size, too
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = Buffer.allocUnsafeSlow(end - start);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer.slice(0, bytesRead) as ArrayBuffer;
    },
  };
}

async function metadataOf(buffer: AsyncBuffer, path: string, op: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(buffer);
  } catch (cause) {
    const expected = "a complete Parquet file, which ends with its index and PAR1";
    const actual = buffer.byteLength === 0 ? "an empty file" : "a file that is cut off or of another format";
    throw new FormatError({ op, operand: path, expected, actual, cause, hint: "Fetch it anew." });
  }
}
