import { isUtf8 } from "node:buffer";
import { Ds3Error } from "@ds3/errors";
import { excerpt } from "../parse-json.ts";
import { readBlocks } from "./read-blocks.ts";
import type { ReadContext } from "./read-context.ts";

const NEWLINE = 10;

/**
 * Makes something of a line's value. What it throws of ds3's errors rejects the line.
 */
export type LineValue<T> = (value: unknown, line: number, context: ReadContext) => T;

/**
 * The values of a JSON Lines file, in batches; blank lines are passed over.
 *
 * Lines end at the byte 10 alone: JSON strings may hold U+2028 and U+2029, at which Node's readline would cut.
 * Cost: one search for the line's end, one copy into a string, one JSON.parse; no iteration step a line.
 */
export async function* readJsonLines<T>(
  context: ReadContext,
  expected: string,
  convert: LineValue<T>,
): AsyncGenerator<readonly T[]> {
  let line = 0;
  const { maxRecordBytes } = context.settings;
  for await (const { bytes, offset, longLine } of readBlocks(context)) {
    if (longLine !== undefined) {
      context.rejectLong(++line, bytes, longLine);
      continue;
    }
    const isValid = isUtf8(bytes);
    const batch: T[] = [];
    try {
      for (let from = 0, end = 0; from < bytes.length; from = end + 1) {
        end = bytes.indexOf(NEWLINE, from);
        if (end < 0) end = bytes.length;
        line++;
        if (end - from > maxRecordBytes) {
          context.rejectLong(line, bytes.subarray(from, end), Math.min(end + 1, bytes.length) - from);
          continue;
        }
        if (!isValid && !isUtf8(bytes.subarray(from, end))) {
          context.rejectInvalid(line, bytes.subarray(from, end), offset + from);
          continue;
        }
        const text = bytes.toString("utf8", from, end).trim();
        if (text === "") continue;
        try {
          batch.push(convert(parse(text, line, expected, context), line, context));
        } catch (error) {
          if (!Ds3Error.is(error)) throw error;
          context.reject(error as Ds3Error, line, bytes.subarray(from, end));
        }
      }
    } catch (error) {
      if (batch.length > 0) yield batch; // what stands before the damage is not lost
      throw error;
    }
    if (batch.length > 0) yield batch;
  }
}

function parse(text: string, line: number, expected: string, context: ReadContext): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw context.formatError(line, { expected, actual: excerpt(text), cause });
  }
}
