import { FormatError } from "@ds3/errors";

/** The value of a JSON text. @throws FormatError naming `operand`, with the beginning of the text. */
export function parseJson(op: string, operand: string, expected: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError({ op, operand, expected, actual: excerpt(text), cause });
  }
}

/** The beginning of a text, for messages. */
export function excerpt(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
