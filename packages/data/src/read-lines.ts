import { createReadStream } from "node:fs";
import { unreadable } from "./unreadable.ts";

const NEWLINE = 10;

/** A line of a file that is not blank, trimmed. */
export interface Line {
  readonly text: string;
  /** Its number, from 1. */
  readonly line: number;
}

/**
 * The lines of a UTF-8 file that are not blank; a byte order mark is dropped.
 *
 * Lines end at byte 10 alone: JSON strings may hold U+2028 and U+2029, at which Node's readline would cut.
 * @throws FormatError of `op` when the file cannot be read.
 */
export async function* readLines(path: string, op: string): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let line = 0;
  for await (const bytes of splitLines(path, op)) {
    line++;
    const text = decoder.decode(bytes).trim();
    if (text !== "") yield { text, line };
  }
}

async function* splitLines(path: string, op: string): AsyncGenerator<Uint8Array> {
  let pending: Buffer[] = [];
  for await (const chunk of chunksOf(path, op)) {
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

async function* chunksOf(path: string, op: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw unreadable(path, cause, op);
  }
}
