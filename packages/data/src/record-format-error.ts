import { FormatError } from "@ds3/errors";

/** A record is of no known form, or a field of it is not what its form has there; `operand` names the field. */
export class RecordFormatError extends FormatError {
  static override readonly name: string = "RecordFormatError";
}
