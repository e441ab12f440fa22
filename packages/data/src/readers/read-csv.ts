import { isUtf8 } from "node:buffer";
import { didYouMean } from "@ds3/errors";
import type { Document } from "../document.ts";
import { excerpt } from "../parse-json.ts";
import { type CsvDialect, CsvScanner, DOUBLED } from "./csv-scanner.ts";
import { type Block, readBlocks } from "./read-blocks.ts";
import type { Problem, ReadContext } from "./read-context.ts";
import { makeDocument, type TextFields } from "./text-row.ts";

/**
 * The documents of a CSV file with a header, in batches. Blank lines are passed over.
 *
 * A record with the wrong number of fields is rejected whole. Where the quotes are wrong, nobody can say how far a record
 * goes: then its first line is rejected and reading goes on with the next line.
 * @throws ConfigError naming the columns present when one is missing; FormatError as the context's `reject`.
 */
export async function* readCsv(
  context: ReadContext,
  fields: TextFields,
  dialect: CsvDialect,
): AsyncGenerator<readonly Document[]> {
  const parser = new CsvParser(context, fields, dialect);
  for await (const block of windows(readBlocks(context), parser)) {
    const batch: Document[] = [];
    try {
      parser.parse(block, batch);
    } catch (error) {
      if (batch.length > 0) yield batch;
      throw error;
    }
    if (batch.length > 0) yield batch;
  }
}

/** Blocks behind what the parser left of the one before; the last one is said to be so, and may be empty. */
async function* windows(blocks: AsyncIterable<Block>, parser: CsvParser): AsyncGenerator<Block & { isLast: boolean }> {
  let pending: Buffer[] = [];
  let bytes = 0;
  let offset = 0;
  for await (const block of blocks) {
    if (block.longLine !== undefined) {
      yield { bytes: Buffer.concat(pending), offset, isLast: true }; // a record that goes on into that line is too long
      yield { ...block, isLast: false };
      [pending, bytes] = [[], 0];
      continue;
    }
    if (bytes === 0) offset = block.offset;
    bytes += block.bytes.length;
    // A record over many blocks is looked at again only when twice as much of it is there: the work stays linear.
    if (bytes < 2 * parser.rest.length) {
      pending.push(Buffer.from(block.bytes)); // a copy: the block's memory is used again
      continue;
    }
    const whole = pending.length === 0 ? block.bytes : Buffer.concat([...pending, block.bytes]);
    yield { bytes: whole, offset, isLast: false };
    offset += whole.length - parser.rest.length;
    [pending, bytes] = parser.rest.length === 0 ? [[], 0] : [[parser.rest], parser.rest.length];
  }
  yield { bytes: Buffer.concat(pending), offset, isLast: true };
}

/** Cuts windows of text into records and makes documents of them. */
class CsvParser {
  /** A copy of the end of the last window, where a record is not complete. */
  rest: Buffer = Buffer.alloc(0);
  readonly #context: ReadContext;
  readonly #fields: TextFields;
  readonly #scanner: CsvScanner;
  #columns: readonly string[] | undefined;
  #textIndex = -1;
  #line = 1;

  constructor(context: ReadContext, fields: TextFields, dialect: CsvDialect) {
    this.#context = context;
    this.#fields = fields;
    this.#scanner = new CsvScanner(dialect);
  }

  /** Add the documents of all complete records in the window to `batch`. */
  parse(block: Block & { readonly isLast: boolean }, batch: Document[]): void {
    const { bytes, offset, isLast, longLine } = block;
    if (longLine !== undefined) {
      this.#context.rejectLong(this.#line++, bytes, longLine);
      return;
    }
    const text = bytes.toString("latin1"); // places in it are places in the bytes
    const isValid = isUtf8(bytes);
    let from = 0;
    this.rest = Buffer.alloc(0);
    for (;;) {
      const result = this.#scanner.scan(text, from, isLast);
      if (result === "end") return;
      const isUnclosed = result === "incomplete" && (isLast || bytes.length - from > this.#maxBytes());
      if (result === "incomplete" && !isUnclosed) {
        this.rest = Buffer.from(bytes.subarray(from));
        return;
      }
      if (result === "record") {
        const { end } = this.#scanner.record;
        this.#take(bytes, from, end, isValid, offset, batch);
        this.#line += this.#countLineEnds(text, from, end);
        from = end;
      } else {
        from = this.#rejectLine(bytes, text, from, isUnclosed);
      }
    }
  }

  #maxBytes(): number {
    return this.#context.settings.maxRecordBytes;
  }

  #take(bytes: Buffer, from: number, end: number, isValid: boolean, offset: number, batch: Document[]): void {
    const { record } = this.#scanner;
    if (record.count === 1 && record.flags[0] === 0 && record.starts[0] === record.ends[0]) return; // a blank line
    if (end - from > this.#maxBytes()) {
      this.#context.rejectLong(this.#line, bytes.subarray(from, end), end - from);
    } else if (!isValid && !isUtf8(bytes.subarray(from, end))) {
      this.#context.rejectInvalid(this.#line, bytes.subarray(from, end), offset + from);
    } else if (this.#columns === undefined) this.#takeHeader(bytes);
    else if (record.count !== this.#columns.length) this.#rejectCount(bytes.subarray(from, end));
    else {
      const source = `${this.#context.file}:${this.#line}`;
      const valueAt = (key: string): unknown => {
        const index = this.#columns!.indexOf(key);
        return index < 0 ? undefined : this.#field(bytes, index);
      };
      batch.push(makeDocument(this.#field(bytes, this.#textIndex), source, this.#fields, valueAt));
    }
  }

  #takeHeader(bytes: Buffer): void {
    const columns = Array.from({ length: this.#scanner.record.count }, (_, index) => this.#field(bytes, index));
    const { textKey } = this.#fields;
    this.#textIndex = columns.indexOf(textKey);
    this.#columns = columns;
    const twice = [textKey, ...this.#fields.metaKeys].find((key) => columns.indexOf(key) !== columns.lastIndexOf(key));
    if (twice !== undefined) throw this.#context.configError(this.#line, severalColumns(twice, columns));
    if (this.#textIndex >= 0) return;
    const hint = `${didYouMean(textKey, columns)} Choose with { column }.`;
    const expected = `a column "${textKey}"`;
    throw this.#context.configError(this.#line, { expected, actual: columns.join(", "), hint });
  }

  #field(bytes: Buffer, index: number): string {
    const { starts, ends, flags } = this.#scanner.record;
    const text = bytes.toString("utf8", starts[index], ends[index]);
    return flags[index]! & DOUBLED ? text.replaceAll('""', '"') : text;
  }

  #rejectCount(raw: Buffer): void {
    const expected = `${this.#columns!.length} fields, as the header has`;
    const actual = `${this.#scanner.record.count} in ${excerpt(raw.toString("utf8").trimEnd())}`;
    this.#context.reject(this.#context.formatError(this.#line, { expected, actual }), this.#line, raw);
  }

  /** Reject the line that begins at `from`; gives the next one's beginning. */
  #rejectLine(bytes: Buffer, text: string, from: number, isUnclosed: boolean): number {
    const lineEnd = text.indexOf(this.#scanner.lineEnd, from);
    const end = lineEnd < 0 ? text.length : lineEnd + 1;
    const expected = isUnclosed ? "a record with every quote closed" : "quotes around whole fields, doubled inside";
    const raw = bytes.subarray(from, end);
    const hint = "Read quotes as ordinary characters with { quotes: false } if the file has no quoted fields.";
    const problem = { expected, actual: excerpt(raw.toString("utf8").trimEnd()), hint };
    this.#context.reject(this.#context.formatError(this.#line, problem), this.#line, raw);
    this.#line++;
    return end;
  }

  #countLineEnds(text: string, from: number, end: number): number {
    const unit = this.#scanner.lineEnd;
    let count = 0;
    for (let at = text.indexOf(unit, from); at >= 0 && at < end; at = text.indexOf(unit, at + 1)) count++;
    return count;
  }
}

function severalColumns(name: string, columns: readonly string[]): Problem {
  const places = columns.flatMap((column, index) => (column === name ? [index + 1] : [])).join(" and ");
  const hint = "Name the columns of the file apart.";
  return { expected: `one column "${name}"`, actual: `several, columns ${places}`, hint };
}
