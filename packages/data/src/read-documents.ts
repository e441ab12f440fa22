/**
 * Documents from files: text and Markdown (a file is a document, or several with a separator), JSON Lines, CSV and TSV.
 *
 * Files are streamed but for text. A byte order mark is dropped, bytes that are no UTF-8 become U+FFFD, everything else
 * stays as it is in the file, line ends too. Documents of nothing but white space are left out.
 */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { ConfigError, didYouMean } from "@ds3/errors";
import type { Document } from "./document.ts";
import { EmptyDataError } from "./empty-data-error.ts";
import { readCsv } from "./read-csv.ts";
import { readJsonLines } from "./read-json-lines.ts";
import { unreadable } from "./unreadable.ts";

/** Options of `readDocuments`. */
export interface ReadOptions {
  /** Read every file in this format. Default: by its extension. */
  readonly format?: DocumentFormat;
  /** The column of CSV and TSV files that holds the text. Default "text". */
  readonly column?: string;
  /** The key of JSON Lines objects that holds the text. Default "text". */
  readonly textKey?: string;
  /** Cut text files at each occurrence, such as "\n\n" or "<|endoftext|>". Default: a file is one document. */
  readonly separator?: string;
}

/** A format that documents are read from. */
export type DocumentFormat = "text" | "jsonl" | "csv" | "tsv";

const FORMAT_OF_EXTENSION: Readonly<Record<string, DocumentFormat>> = {
  ".txt": "text",
  ".md": "text",
  ".jsonl": "jsonl",
  ".ndjson": "jsonl",
  ".csv": "csv",
  ".tsv": "tsv",
};

/**
 * Read the documents of some files, in order.
 * @throws EmptyDataError when all files together hold no document; FormatError naming file and line when a file cannot
 * be read or is damaged; ConfigError naming what is there when a format, column or key is unknown.
 */
export async function* readDocuments(
  paths: string | readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<Document, void, undefined> {
  const files = typeof paths === "string" ? [paths] : paths;
  const formats = files.map((path) => formatOf(path, options.format)); // before any reading: a typo should cost no time
  let isEmpty = true;
  for (const [i, path] of files.entries()) {
    for await (const document of readFileAs(formats[i]!, path, options)) {
      if (document.text.trim() === "") continue;
      isEmpty = false;
      yield document;
    }
  }
  if (!isEmpty) return;
  const operand = files.join(", ") || "paths";
  const expected = "at least one document that is not blank";
  throw new EmptyDataError({ op: "readDocuments", operand, expected, actual: "none" });
}

function readFileAs(
  format: DocumentFormat,
  path: string,
  { column = "text", textKey = "text", separator }: ReadOptions,
): AsyncIterable<Document> {
  if (format === "text") return readText(path, separator);
  if (format === "jsonl") return readJsonLines(path, textKey);
  return readCsv(path, column, format === "csv" ? "," : "\t");
}

async function* readText(path: string, separator: string | undefined): AsyncGenerator<Document> {
  const text = new TextDecoder().decode(await readFile(path).catch((cause) => Promise.reject(unreadable(path, cause))));
  if (!separator) {
    yield { text, source: path };
    return;
  }
  let number = 0;
  for (const part of text.split(separator)) yield { text: part, source: `${path}#${++number}` };
}

function formatOf(path: string, format: string | undefined): DocumentFormat {
  const known = new Set<string>(Object.values(FORMAT_OF_EXTENSION));
  if (format !== undefined) {
    if (known.has(format)) return format as DocumentFormat;
    throw unknownFormat("format", [...known].join(", "), format, didYouMean(format, known));
  }
  const extension = extname(path).toLowerCase();
  const found = Object.hasOwn(FORMAT_OF_EXTENSION, extension) ? FORMAT_OF_EXTENSION[extension] : undefined;
  if (found !== undefined) return found;
  const extensions = Object.keys(FORMAT_OF_EXTENSION);
  const hint = "Name the format: readDocuments(paths, { format }).";
  throw unknownFormat(path, `an extension of ${extensions.join(", ")}`, extension || "none", hint);
}

function unknownFormat(operand: string, expected: string, actual: string, hint: string): ConfigError {
  return new ConfigError({ op: "readDocuments", operand, expected, actual, hint });
}
