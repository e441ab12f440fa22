import { ConfigError, didYouMean, FormatError } from "@ds3/errors";
import type { Document } from "./document.ts";
import { excerpt, parseJson } from "./parse-json.ts";
import { readLines } from "./read-lines.ts";

const OP = "readDocuments";

/**
 * The text under one key of each line's object. Blank lines are passed over.
 * @throws FormatError naming file and line for a line that is no JSON object or a text that is no string; ConfigError
 * naming the keys present when the key is missing.
 */
export async function* readJsonLines(path: string, textKey: string): AsyncGenerator<Document> {
  for await (const { text, line } of readLines(path, OP)) {
    const source = `${path}:${line}`;
    yield { text: textOf(parseObject(text, source), textKey, source), source };
  }
}

function parseObject(text: string, source: string): Record<string, unknown> {
  const expected = "a JSON object on one line";
  const value = parseJson(OP, source, expected, text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FormatError({ op: OP, operand: source, expected, actual: excerpt(text) });
}

function textOf(record: Record<string, unknown>, textKey: string, source: string): string {
  const details = { op: OP, operand: source };
  if (!Object.hasOwn(record, textKey)) {
    const keys = Object.keys(record);
    const hint = `${didYouMean(textKey, keys)} Choose with { textKey }.`;
    throw new ConfigError({ ...details, expected: `the key "${textKey}"`, actual: keys.join(", ") || "no key", hint });
  }
  const text = record[textKey];
  if (typeof text === "string") return text;
  throw new FormatError({ ...details, expected: `a string under "${textKey}"`, actual: excerpt(JSON.stringify(text)) });
}
