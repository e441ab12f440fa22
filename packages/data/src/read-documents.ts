/**
 * Documents from files: text and Markdown (a file is a document, or several with a separator), JSON Lines, CSV, TSV and
 * Parquet, plain or compressed by gzip or Zstandard.
 *
 * Files are streamed; in memory are a few blocks, or the longest document if that is more. A byte order mark is dropped,
 * everything else stays as it is in the file, line ends too. Documents of nothing but white space are left out.
 */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { ConfigError, didYouMean } from "@ds3/errors";
import type { Document } from "./document.ts";
import { EmptyDataError } from "./empty-data-error.ts";
import { expandPaths } from "./readers/expand-paths.ts";
import { type DocumentFormat, formatExtension } from "./readers/file-format.ts";
import { flattenBatches } from "./readers/flatten-batches.ts";
import { ReadContext, type ReadSettings } from "./readers/read-context.ts";
import { readCsv } from "./readers/read-csv.ts";
import { readJsonLines } from "./readers/read-json-lines.ts";
import { readParquet } from "./readers/read-parquet.ts";
import { readText } from "./readers/read-text.ts";
import type { OnReject, Reject } from "./readers/reject.ts";
import { documentOfObject, type TextFields } from "./readers/text-row.ts";
import { encodingName } from "./readers/transcoder.ts";
import { requireInteger } from "./require-integer.ts";
import { type OptionRules, requireOptions } from "./require-options.ts";
import { unreadable } from "./unreadable.ts";

export type { DocumentFormat };

/** How bytes become records: options of every reader. */
export interface RecordOptions {
  /** The encoding of the files, by any label that TextDecoder knows, such as "gb18030" or "utf-16le". Default "utf-8". */
  readonly encoding?: string;
  /** Read bytes that are no text in the encoding as U+FFFD. Default: such a record is an error, or rejected. */
  readonly replaceInvalid?: boolean;
  /** Takes each record that cannot be read, and reading goes on; see `createRejectsFile`. Default: an error. */
  readonly onReject?: OnReject;
  /** Bytes read from a file at a time. Default 256 KiB, measured as fastest. */
  readonly chunkBytes?: number;
  /** The longest record of JSON Lines or CSV, in bytes: beyond it a quote or line end is missing. Default 64 MiB. */
  readonly maxRecordBytes?: number;
}

/** Options of `readDocuments`. */
export interface ReadOptions extends RecordOptions {
  /** Read every file in this format. Default: by its extension. */
  readonly format?: DocumentFormat;
  /** The column of CSV, TSV and Parquet files that holds the text. Default "text". */
  readonly column?: string;
  /** The key of JSON Lines objects that holds the text. Default "text". */
  readonly textKey?: string;
  /** Further keys or columns to keep in each document's `meta`. Default none. */
  readonly metaKeys?: readonly string[];
  /** The name of the set that the files make up, given to each document. */
  readonly corpus?: string;
  /** Cut text files at each occurrence, such as "\n\n" or "<|endoftext|>". Default: a file is one document. */
  readonly separator?: string;
  /** Whether CSV and TSV fields may stand in quotes. Default true. */
  readonly quotes?: boolean;
}

const OP = "readDocuments";

/** Of the options of every reader. */
export const RECORD_RULES: OptionRules<RecordOptions> = {
  encoding: "any",
  replaceInvalid: "boolean",
  onReject: "function",
  chunkBytes: "any",
  maxRecordBytes: "any",
};

const RULES: OptionRules<ReadOptions> = {
  ...RECORD_RULES,
  format: "any",
  column: "text",
  textKey: "text",
  metaKeys: "texts",
  corpus: "any",
  separator: "text",
  quotes: "boolean",
};

const FORMAT_OF_EXTENSION: Readonly<Record<string, DocumentFormat>> = {
  ".txt": "text",
  ".md": "text",
  ".markdown": "text",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".tsv": "tsv",
  ".parquet": "parquet",
};

/**
 * Read the documents of some files, folders or patterns such as `part-*.jsonl.gz`, in order.
 *
 * A record that is no document (no JSON, another number of fields, no text, bytes in another encoding) is an error, or
 * goes to `onReject`; a file that is damaged as a whole (cut off, no Parquet) is an error always.
 * @throws EmptyDataError when all files together hold no document; FormatError naming file and line when a file cannot
 * be read or is damaged; ConfigError naming what is there when a format, encoding, option,
 * column or key is unknown.
 */
export function readDocuments(
  paths: string | readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<Document, void, undefined> {
  return flattenBatches(readDocumentBatches(paths, options));
}

/** The same documents in batches as large as they come: less work than one by one. @throws as `readDocuments`. */
export async function* readDocumentBatches(
  paths: string | readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<readonly Document[], void, undefined> {
  requireOptions(OP, options, RULES);
  const rejects = new RejectCount(options.onReject);
  const settings = readSettings(OP, options, rejects.onReject);
  const named = requirePaths(OP, paths);
  const files = await listDocumentFiles(named, options.format);
  const formats = files.map((path) => formatOf(path, options.format));
  let isEmpty = true;
  for (const [i, file] of files.entries()) {
    for await (const batch of readFileAs(formats[i]!, new ReadContext(file, settings), options)) {
      const documents = batch.filter(({ text }) => text.trim() !== "");
      if (documents.length === 0) continue;
      isEmpty = false;
      yield documents;
    }
  }
  if (isEmpty) throw rejects.emptyError(OP, named, "at least one document that is not blank");
}

/** The files that paths name, in order. @throws as `readDocuments`, for files without a known format too. */
export async function listDocumentFiles(
  paths: readonly string[],
  format: DocumentFormat | undefined,
): Promise<readonly string[]> {
  if (format !== undefined) formatOf("", format); // before any reading: a typo should cost no time
  const inFolders = Object.keys(FORMAT_OF_EXTENSION).filter((extension) => {
    return format === undefined || FORMAT_OF_EXTENSION[extension] === format;
  });
  const files = await expandPaths(paths, inFolders, OP);
  for (const file of files) await requireFormat(file, format);
  return files;
}

/** A file that is not there says so, whatever its name. */
async function requireFormat(file: string, format: DocumentFormat | undefined): Promise<void> {
  try {
    formatOf(file, format);
  } catch (error) {
    await stat(file).catch((cause) => {
      throw unreadable(file, cause, OP);
    });
    throw error;
  }
}

function readFileAs(
  format: DocumentFormat,
  context: ReadContext,
  options: ReadOptions,
): AsyncGenerator<readonly Document[]> {
  const { metaKeys = [], corpus, quotes = true } = options;
  const byColumn: TextFields = { textKey: options.column ?? "text", metaKeys, corpus };
  if (format === "text") return readText(context, byColumn, options.separator);
  if (format === "parquet") return readParquet(context, byColumn);
  if (format !== "jsonl") return readCsv(context, byColumn, { delimiter: format === "csv" ? "," : "\t", quotes });
  const byKey: TextFields = { ...byColumn, textKey: options.textKey ?? "text" };
  return readJsonLines(context, "a JSON object on one line", (value, line) => {
    return documentOfObject(value, line, context, byKey);
  });
}

/** Counts rejects on their way, for the error when nothing else was there. */
export class RejectCount {
  /** What to give to readers: absent when no rejects are asked for. */
  readonly onReject: OnReject | undefined;
  #count = 0;
  #first: Reject | undefined;

  constructor(onReject: OnReject | undefined) {
    if (onReject === undefined) return;
    this.onReject = (reject) => {
      this.#count++;
      this.#first ??= reject;
      onReject(reject);
    };
  }

  /** The error for files in which nothing could be read. */
  emptyError(op: string, paths: readonly string[], expected: string): EmptyDataError {
    const first = this.#first;
    const rejected = first && `none, and ${this.#count} rejected, first ${first.file}:${first.line}: ${first.reason}`;
    return new EmptyDataError({ op, operand: paths.join(", ") || "paths", expected, actual: rejected ?? "none" });
  }
}

/** Options of bytes and records, checked and complete. @throws ConfigError, OutOfRangeError of `op`. */
export function readSettings(op: string, options: RecordOptions, onReject: OnReject | undefined): ReadSettings {
  const { encoding = "utf-8", replaceInvalid = false, chunkBytes = 1 << 18, maxRecordBytes = 1 << 26 } = options;
  requireInteger(op, "chunkBytes", chunkBytes, 1, 2 ** 30);
  requireInteger(op, "maxRecordBytes", maxRecordBytes, 1, 2 ** 29 - 25); // the longest string of V8
  return { op, onReject, encoding: encodingName(encoding, op), replaceInvalid, chunkBytes, maxRecordBytes };
}

/** Paths as a list. @throws ConfigError of `op` for what are none. */
export function requirePaths(op: string, paths: unknown): readonly string[] {
  const named = typeof paths === "string" ? [paths] : paths;
  if (Array.isArray(named) && named.every((path) => typeof path === "string" && path !== "")) return named;
  const actual = Array.isArray(named) ? "a list with other things in it" : paths === "" ? '""' : typeof paths;
  throw new ConfigError({ op, operand: "paths", expected: "a path or a list of paths", actual });
}

function formatOf(path: string, format: string | undefined): DocumentFormat {
  const known = new Set<string>(Object.values(FORMAT_OF_EXTENSION));
  if (format !== undefined) {
    if (known.has(format)) return format as DocumentFormat;
    throw unknownFormat("format", [...known].join(", "), format, didYouMean(format, known));
  }
  const extension = formatExtension(path);
  const found = Object.hasOwn(FORMAT_OF_EXTENSION, extension) ? FORMAT_OF_EXTENSION[extension] : undefined;
  if (found !== undefined) return found;
  const extensions = Object.keys(FORMAT_OF_EXTENSION);
  const hint = "Name the format: readDocuments(paths, { format }).";
  throw unknownFormat(path, `an extension of ${extensions.join(", ")}`, extname(path).toLowerCase() || "none", hint);
}

function unknownFormat(operand: string, expected: string, actual: string, hint: string): ConfigError {
  return new ConfigError({ op: OP, operand, expected, actual, hint });
}
