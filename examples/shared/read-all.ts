import { RecordFormatError } from "@ds3/data";
import { readRecords } from "@ds3/data/node";

/**
 * The records of some .jsonl or .json files, each read by `parse` (such as `parseChat` of @ds3/data); the first `limit`.
 * @throws RecordFormatError naming file and line of a record of another form; otherwise as `readRecords`.
 */
export async function readAll<T>(
  files: readonly string[],
  parse: (record: unknown) => T,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<T[]> {
  const records: T[] = [];
  for await (const { value, file, line } of readRecords(files)) {
    if (records.length >= limit) break;
    try {
      records.push(parse(value));
    } catch (cause) {
      if (!RecordFormatError.is(cause)) throw cause;
      const { op, operand, expected, actual, hint } = cause as RecordFormatError;
      const details = { op, expected, actual, cause, ...(hint === undefined ? {} : { hint }) };
      throw new RecordFormatError({ ...details, operand: `${file}:${line}: ${operand}` });
    }
  }
  return records;
}
