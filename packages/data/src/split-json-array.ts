import { FormatError } from "@ds3/errors";
import { excerpt } from "./parse-json.ts";

/** An element of an array. */
export interface Line {
  readonly text: string;
  /** The line where it begins, from 1. */
  readonly line: number;
}

/**
 * The texts of the elements of a JSON array, each with the line where it begins, so that an error can name it.
 *
 * Only strings and nesting are looked at; whether an element is JSON is for a parser to say.
 * @throws FormatError naming the file when the text is no array or does not end, naming the line for an empty element.
 */
export function* splitJsonArray(text: string, op: string, file: string): Generator<Line> {
  const fail = (line: number, expected: string, actual: string): FormatError =>
    new FormatError({ op, operand: `${file}:${line}`, expected, actual: excerpt(actual) || "nothing" });
  const whole = text.trim();
  if (!whole.startsWith("[")) throw fail(1, "a JSON array of records", whole);
  const end = whole.length - 1;
  if (end === 0 || whole[end] !== "]")
    throw fail(countLines(text, text.length) + 1, "the array's end ]", whole.slice(-77));
  if (whole.slice(1, end).trim() === "") return;
  const offset = text.indexOf("[") + 1;
  let line = 1 + countLines(text, offset);
  for (const part of splitAtCommas(whole.slice(1, end))) {
    const element = part.trim();
    const first = line + countLines(part, part.length - part.trimStart().length);
    if (element === "") throw fail(first, "an element between commas", element);
    yield { text: element, line: first };
    line += countLines(part, part.length);
  }
}

/** Cut at the commas that stand outside strings and brackets. */
function* splitAtCommas(text: string): Generator<string> {
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const mark = text[i];
    if (mark === '"') i = endOfString(text, i);
    else if (mark === "[" || mark === "{") depth++;
    else if (mark === "]" || mark === "}") depth--;
    else if (mark === "," && depth === 0) {
      yield text.slice(from, i);
      from = i + 1;
    }
  }
  yield text.slice(from);
}

/** The place of the quote that ends the string which begins at `from`, or the text's end. */
function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i;
  }
  return text.length;
}

function countLines(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
