import { OutOfRangeError } from "@ds3/errors";
import { toWellFormed } from "../utf8.ts";

/** The error for a text that the vocabulary does not cover when the model has no token for the unknown. */
export function unknownTextError(text: string, unknownToken: string | undefined): OutOfRangeError {
  const shown = text.length > 40 ? `${toWellFormed(text.slice(0, 40))}...` : text;
  return new OutOfRangeError({
    op: "encode",
    operand: "text",
    expected: "text that the vocabulary covers",
    actual: JSON.stringify(shown),
    hint:
      unknownToken === undefined
        ? "The model names no unknown token (unk_token or unk_id)."
        : `The vocabulary lacks the model's unknown token ${JSON.stringify(unknownToken)}.`,
  });
}
