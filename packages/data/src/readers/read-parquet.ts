import { type Ds3Error, didYouMean } from "@ds3/errors";
import type { Document } from "../document.ts";
import { InvalidText, ParquetFile, type ParquetRow } from "./parquet-file.ts";
import type { ReadContext } from "./read-context.ts";
import { makeDocument, noText, showJson, type TextFields } from "./text-row.ts";

/**
 * The documents of a Parquet file, a batch for each row group or part of one. Only the columns asked for are read.
 * Sources and rejects number rows from 1.
 * @throws ConfigError naming the columns present when one is missing; FormatError for a file that is cut off or damaged.
 */
export async function* readParquet(context: ReadContext, fields: TextFields): AsyncGenerator<readonly Document[]> {
  const file = await ParquetFile.open(context.file, context.settings.op);
  try {
    const present = file.columns;
    if (!present.includes(fields.textKey)) throw missing(context, fields.textKey, present);
    const columns = [fields.textKey, ...fields.metaKeys.filter((key) => present.includes(key))];
    for await (const { first, rows } of file.read([...new Set(columns)])) {
      const batch: Document[] = [];
      try {
        for (const [index, row] of rows.entries()) takeRow(row, first + index + 1, context, fields, batch);
      } catch (error) {
        if (batch.length > 0) yield batch;
        throw error;
      }
      if (batch.length > 0) yield batch;
    }
  } finally {
    await file.close();
  }
}

function takeRow(row: ParquetRow, number: number, context: ReadContext, fields: TextFields, batch: Document[]): void {
  const value = row[fields.textKey];
  const text = context.settings.replaceInvalid ? asText(value) : value;
  if (typeof text === "string") {
    batch.push(makeDocument(text, `${context.file}:${number}`, fields, (key) => asText(row[key])));
  } else if (text instanceof InvalidText) {
    const problem = { expected: "text in utf-8", actual: `bytes that are none under "${fields.textKey}"` };
    context.reject(context.formatError(number, problem), number, text.bytes);
  } else {
    context.reject(noText(row, number, context, fields.textKey), number, Buffer.from(showJson(row)));
  }
}

function asText(value: unknown): unknown {
  return value instanceof InvalidText ? value.toString() : value;
}

function missing(context: ReadContext, textKey: string, columns: readonly string[]): Ds3Error {
  const hint = `${didYouMean(textKey, columns)} Choose with { column }.`;
  return context.configError(1, { expected: `a column "${textKey}"`, actual: columns.join(", ") || "none", hint });
}
