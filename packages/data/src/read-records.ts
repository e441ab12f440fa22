/** Records of any shape from JSON Lines files, and from JSON files that hold an array. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { ConfigError } from "@ds3/errors";
import { EmptyDataError } from "./empty-data-error.ts";
import { parseJson } from "./parse-json.ts";
import { readLines } from "./read-lines.ts";
import { splitJsonArray } from "./split-json-array.ts";
import { unreadable } from "./unreadable.ts";

/** A value of a file, and where it stands. */
export interface FileRecord {
  readonly value: unknown;
  readonly file: string;
  /** The line where it begins, from 1. */
  readonly line: number;
}

const OP = "readRecords";
const READERS: Readonly<Record<string, (file: string) => AsyncIterable<FileRecord>>> = {
  ".jsonl": readJsonLines,
  ".ndjson": readJsonLines,
  ".json": readJsonArray,
};

/**
 * Read the records of some .jsonl (.ndjson) or .json files, in order. JSON Lines are streamed, an array is read whole;
 * blank lines are passed over.
 * @throws FormatError naming file and line when a file cannot be read or is no JSON; EmptyDataError when all files
 * together hold no record; ConfigError for another extension, before anything is read.
 */
export async function* readRecords(paths: string | readonly string[]): AsyncGenerator<FileRecord, void, undefined> {
  const files = typeof paths === "string" ? [paths] : paths;
  const readers = files.map(readerOf);
  let isEmpty = true;
  for (const [index, file] of files.entries()) {
    for await (const record of readers[index]!(file)) {
      isEmpty = false;
      yield record;
    }
  }
  if (!isEmpty) return;
  const operand = files.join(", ") || "paths";
  throw new EmptyDataError({ op: OP, operand, expected: "at least one record", actual: "none" });
}

async function* readJsonLines(file: string): AsyncGenerator<FileRecord> {
  for await (const { text, line } of readLines(file, OP)) {
    yield { value: parseJson(OP, `${file}:${line}`, "JSON on one line", text), file, line };
  }
}

async function* readJsonArray(file: string): AsyncGenerator<FileRecord> {
  const bytes = await readFile(file).catch((cause) => Promise.reject(unreadable(file, cause, OP)));
  for (const { text, line } of splitJsonArray(new TextDecoder().decode(bytes), OP, file)) {
    yield { value: parseJson(OP, `${file}:${line}`, "JSON as an element of the array", text), file, line };
  }
}

function readerOf(file: string): (file: string) => AsyncIterable<FileRecord> {
  const extension = extname(file).toLowerCase();
  if (Object.hasOwn(READERS, extension)) return READERS[extension]!;
  const expected = `an extension of ${Object.keys(READERS).join(", ")}`;
  throw new ConfigError({ op: OP, operand: file, expected, actual: extension || "none" });
}
