import { createReadStream } from "node:fs";
import { ConfigError, didYouMean, FormatError } from "@ds3/errors";
import { CsvError, parse } from "csv-parse";
import type { Document } from "./document.ts";
import { unreadable } from "./unreadable.ts";

/** What csv-parse gives with `info`: the fields, and the number of lines read so far. */
interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * One named column of a CSV file with a header, as RFC 4180 has it: quoted fields may hold line breaks.
 * @throws ConfigError naming the columns present when the column is missing; FormatError naming file and line for a
 * record of another length than the header, or a quote that never ends.
 */
export async function* readCsv(path: string, column: string, delimiter: string): AsyncGenerator<Document> {
  let index = -1;
  let firstLine = 1;
  for await (const { record, info } of recordsOf(path, delimiter)) {
    if (index < 0) index = columnIndex(record, column, path);
    else yield { text: record[index]!, source: `${path}:${firstLine}` };
    firstLine = info.lines + 1;
  }
}

async function* recordsOf(path: string, delimiter: string): AsyncGenerator<CsvRecord> {
  const file = createReadStream(path);
  const parser = parse({ bom: true, delimiter, info: true, skip_empty_lines: true });
  file.once("error", (cause) => parser.destroy(unreadable(path, cause)));
  try {
    yield* file.pipe(parser) as AsyncIterable<CsvRecord>;
  } catch (cause) {
    throw cause instanceof CsvError ? damaged(path, cause) : cause;
  } finally {
    file.destroy();
  }
}

function columnIndex(columns: readonly string[], column: string, path: string): number {
  const index = columns.indexOf(column);
  if (index >= 0) return index;
  throw new ConfigError({
    op: "readDocuments",
    operand: `${path}:1`,
    expected: `a column "${column}"`,
    actual: columns.join(", "),
    hint: `${didYouMean(column, columns)} Choose with { column }.`,
  });
}

function damaged(path: string, cause: CsvError): FormatError {
  const line = typeof cause.lines === "number" ? `:${cause.lines}` : "";
  const expected = "CSV records as long as the header, with every quote closed";
  return new FormatError({ op: "readDocuments", operand: `${path}${line}`, expected, actual: cause.message, cause });
}
