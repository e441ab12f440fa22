/** Records of any shape from JSON Lines files, from JSON files that hold an array, and from Parquet files. */
import { ConfigError } from "@ds3/errors";
import { parseJson } from "./parse-json.ts";
import { RECORD_RULES, type RecordOptions, RejectCount, readSettings, requirePaths } from "./read-documents.ts";
import { expandPaths } from "./readers/expand-paths.ts";
import { formatExtension } from "./readers/file-format.ts";
import { flattenBatches } from "./readers/flatten-batches.ts";
import { ParquetFile } from "./readers/parquet-file.ts";
import { ReadContext } from "./readers/read-context.ts";
import { readJsonLines } from "./readers/read-json-lines.ts";
import { readText } from "./readers/read-text.ts";
import { requireOptions } from "./require-options.ts";
import { splitJsonArray } from "./split-json-array.ts";

/** A value of a file, and where it stands. */
export interface FileRecord {
  readonly value: unknown;
  readonly file: string;
  /** The line where it begins, or the row of a Parquet file, from 1. */
  readonly line: number;
}

const OP = "readRecords";

type Batches = AsyncGenerator<readonly FileRecord[]>;

const READERS: Readonly<Record<string, (context: ReadContext) => Batches>> = {
  ".jsonl": readLines,
  ".ndjson": readLines,
  ".json": readArray,
  ".parquet": readRows,
};

/**
 * Read the records of some .jsonl (.ndjson), .json or .parquet files, folders or patterns, in order; compressed ones too.
 * All but arrays are streamed; blank lines are passed over. Rows of Parquet are objects of all columns.
 * @throws FormatError naming file and line when a file cannot be read or is no JSON (a line goes to `onReject` if that is
 * given); EmptyDataError when all files together hold no record; ConfigError for another extension, before anything is
 * read.
 */
export function readRecords(
  paths: string | readonly string[],
  options: RecordOptions = {},
): AsyncGenerator<FileRecord, void, undefined> {
  return flattenBatches(readBatches(paths, options));
}

async function* readBatches(given: string | readonly string[], options: RecordOptions): Batches {
  requireOptions(OP, options, RECORD_RULES);
  const paths = requirePaths(OP, given);
  const rejects = new RejectCount(options.onReject);
  const settings = readSettings(OP, options, rejects.onReject);
  const files = await expandPaths(paths, Object.keys(READERS), OP);
  const readers = files.map(readerOf);
  let isEmpty = true;
  for (const [index, file] of files.entries()) {
    for await (const batch of readers[index]!(new ReadContext(file, settings))) {
      isEmpty &&= batch.length === 0;
      yield batch;
    }
  }
  if (isEmpty) throw rejects.emptyError(OP, paths, "at least one record");
}

function readLines(context: ReadContext): Batches {
  return readJsonLines(context, "JSON on one line", (value, line) => ({ value, file: context.file, line }));
}

async function* readArray(context: ReadContext): Batches {
  const { file } = context;
  for await (const [whole] of readText(context, { corpus: undefined }, undefined)) {
    for (const { text, line } of splitJsonArray(whole!.text, OP, file)) {
      yield [{ value: parseJson(OP, `${file}:${line}`, "JSON as an element of the array", text), file, line }];
    }
  }
}

async function* readRows({ file }: ReadContext): Batches {
  const parquet = await ParquetFile.open(file, OP);
  try {
    for await (const { first, rows } of parquet.read(parquet.columns)) {
      yield rows.map((value, index) => ({ value, file, line: first + index + 1 }));
    }
  } finally {
    await parquet.close();
  }
}

function readerOf(file: string): (context: ReadContext) => Batches {
  const extension = formatExtension(file);
  if (Object.hasOwn(READERS, extension)) return READERS[extension]!;
  const expected = `an extension of ${Object.keys(READERS).join(", ")}`;
  throw new ConfigError({ op: OP, operand: file, expected, actual: extension || "none" });
}
