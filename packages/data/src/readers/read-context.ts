import { isUtf8 } from "node:buffer";
import { ConfigError, type Ds3Error, type ErrorDetails, FormatError } from "@ds3/errors";
import { describeInvalid } from "./describe-invalid.ts";
import type { OnReject, Reject } from "./reject.ts";

/** What all readers of one call have in common. */
export interface ReadSettings {
  /** The public function, for errors. */
  readonly op: string;
  readonly onReject: OnReject | undefined;
  /** The name that TextDecoder gives to the encoding of the files. */
  readonly encoding: string;
  readonly replaceInvalid: boolean;
  readonly chunkBytes: number;
  readonly maxRecordBytes: number;
}

/** What an error says beside operation and place. */
export type Problem = Pick<ErrorDetails, "expected" | "actual" | "hint" | "cause">;

/** One file being read: names it in errors, and keeps aside what cannot be read when that is asked for. */
export class ReadContext {
  readonly file: string;
  readonly settings: ReadSettings;

  constructor(file: string, settings: ReadSettings) {
    this.file = file;
    this.settings = settings;
  }

  /** The error for something wrong at a line. */
  formatError(line: number, problem: Problem): FormatError {
    return new FormatError({ ...problem, op: this.settings.op, operand: `${this.file}:${line}` });
  }

  /** The error for a wrong option that a line has shown, such as a column that is not there. */
  configError(line: number, problem: Problem): ConfigError {
    return new ConfigError({ ...problem, op: this.settings.op, operand: `${this.file}:${line}` });
  }

  /** Keep the record of these UTF-8 bytes aside. @throws the error itself when rejects are not asked for. */
  reject(error: Ds3Error, line: number, bytes: Uint8Array): void {
    const { onReject } = this.settings;
    if (onReject === undefined) throw error;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reason = `expected ${error.expected}, got ${error.actual}`;
    const reject: Reject = { file: this.file, line, reason, text: buffer.toString("utf8") };
    onReject(isUtf8(bytes) ? reject : { ...reject, base64: buffer.toString("base64") });
  }

  /** Keep aside the first bytes of a record of `length` bytes, more than the longest may have. @throws as `reject`. */
  rejectLong(line: number, bytes: Uint8Array, length: number): void {
    const expected = `a record of at most ${this.settings.maxRecordBytes} bytes`;
    const actual = `${length} bytes, of which the first are here`;
    const hint = "A line end or quote may be missing; otherwise raise { maxRecordBytes }.";
    this.reject(this.formatError(line, { expected, actual, hint }), line, wholeCharacters(bytes));
  }

  /** Keep aside a record whose bytes, which begin at `offset` of the file, are not all text. @throws as `reject`. */
  rejectInvalid(line: number, bytes: Uint8Array, offset: number): void {
    const { problem, linesBefore } = describeInvalid(bytes, offset, this.settings.encoding);
    this.reject(this.formatError(line + linesBefore, problem), line, bytes);
  }
}

const EXCERPT_BYTES = 4096;

/** The first bytes of a text, not cut within a character. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  let end = Math.min(bytes.length, EXCERPT_BYTES);
  for (let back = 0; back < 3 && end > 0 && !isUtf8(bytes.subarray(0, end)); back++) end--;
  return isUtf8(bytes.subarray(0, end)) ? bytes.subarray(0, end) : bytes.subarray(0, EXCERPT_BYTES);
}
