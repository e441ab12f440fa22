import { FormatError } from "@ds3/errors";

/** There is nothing to train on: no document, no token, or too few tokens for one row. */
export class EmptyDataError extends FormatError {
  static override readonly name: string = "EmptyDataError";
}
