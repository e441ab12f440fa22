import { FormatError } from "@ds3/errors";

/** A tokenizer.json uses a part of the format that this package does not implement; `operand` names the part. */
export class UnsupportedTokenizerError extends FormatError {
  static override readonly name: string = "UnsupportedTokenizerError";
}
