import { createReadStream } from "node:fs";
import { ConfigError, didYouMean, FormatError } from "@ds3/errors";
import type { Document } from "./document.ts";
import { unreadable } from "./unreadable.ts";

const NEWLINE = 10;

/**
 * The text under one key of each line's object. Blank lines are passed over.
 *
 * Lines end at byte 10 alone: JSON strings may hold U+2028 and U+2029, at which Node's readline would cut.
 * @throws FormatError naming file and line for a line that is no JSON object or a text that is no string; ConfigError
 * naming the keys present when the key is missing.
 */
export async function* readJsonLines(path: string, textKey: string): AsyncGenerator<Document> {
  const decoder = new TextDecoder();
  let number = 0;
  for await (const bytes of readLines(path)) {
    number++;
    const line = decoder.decode(bytes).trim();
    if (line === "") continue;
    const source = `${path}:${number}`;
    yield { text: textOf(parseLine(line, source), textKey, source), source };
  }
}

async function* readLines(path: string): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  for await (const chunk of chunksOf(path)) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, end);
      yield pending.length === 0 ? piece : Buffer.concat([...pending, piece]);
      pending = [];
      from = end + 1;
    }
    if (from < chunk.length) pending.push(chunk.subarray(from));
  }
  if (pending.length > 0) yield Buffer.concat(pending);
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function parseLine(line: string, source: string): Record<string, unknown> {
  const details = { op: "readDocuments", operand: source, expected: "a JSON object on one line" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new FormatError({ ...details, actual: excerpt(line), cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FormatError({ ...details, actual: excerpt(line) });
}

function textOf(record: Record<string, unknown>, textKey: string, source: string): string {
  const details = { op: "readDocuments", operand: source };
  if (!Object.hasOwn(record, textKey)) {
    const keys = Object.keys(record);
    const hint = `${didYouMean(textKey, keys)} Choose with { textKey }.`;
    throw new ConfigError({ ...details, expected: `the key "${textKey}"`, actual: keys.join(", ") || "no key", hint });
  }
  const text = record[textKey];
  if (typeof text === "string") return text;
  throw new FormatError({ ...details, expected: `a string under "${textKey}"`, actual: excerpt(JSON.stringify(text)) });
}

function excerpt(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
