import { constants } from "node:buffer";
import { FormatError } from "@ds3/errors";
import { readBytes } from "./read-bytes.ts";
import type { ReadContext } from "./read-context.ts";
import { createTranscoder } from "./transcoder.ts";

/** Some whole lines of a file, as UTF-8. */
export interface Block {
  readonly bytes: Buffer;
  /** Where they begin in the file, decompressed; of no meaning when they came from another encoding. */
  readonly offset: number;
  /** Bytes of a line that is longer than the longest record; `bytes` are its first ones. */
  readonly longLine?: number;
}

/** Where a stream of bytes may be cut: after a line end, which has one byte, or two in UTF-16. */
export interface Cutter {
  /** The end of the last line that is complete in `bytes`, or 0. */
  readonly lastLineEnd: (bytes: Buffer) => number;
  /** The end of the first one, or 0. */
  readonly firstLineEnd: (bytes: Buffer) => number;
  /** Bytes of a unit. */
  readonly unit: number;
  /** Whether the end depends on bytes before those of one chunk. */
  readonly needsWhole: boolean;
}

const LINES: Cutter = {
  needsWhole: false,
  unit: 1,
  lastLineEnd: (bytes) => bytes.lastIndexOf(10) + 1,
  firstLineEnd: (bytes) => bytes.indexOf(10) + 1,
};

function units(low: number): Cutter {
  const isEnd = (bytes: Buffer, i: number): boolean => bytes[i + low] === 10 && bytes[i + 1 - low] === 0;
  return {
    needsWhole: true,
    unit: 2,
    lastLineEnd: (bytes) => {
      for (let i = bytes.length - (bytes.length % 2) - 2; i >= 0; i -= 2) if (isEnd(bytes, i)) return i + 2;
      return 0;
    },
    firstLineEnd: (bytes) => {
      for (let i = 0; i + 1 < bytes.length; i += 2) if (isEnd(bytes, i)) return i + 2;
      return 0;
    },
  };
}

/** Anywhere, once there is enough for a byte order mark. */
const ANYWHERE: Cutter = {
  ...LINES,
  needsWhole: true,
  lastLineEnd: (bytes) => (bytes.length < 3 ? 0 : bytes.length),
};

const CUTTERS: Readonly<Record<string, Cutter>> = { "utf-16le": units(0), "utf-16be": units(1) };

/**
 * A file's text as UTF-8, in blocks of whole lines without a byte order mark; the last line may lack its end. Bytes that
 * are no text in the file's encoding make a block that is no UTF-8 (0xFF where that encoding was another). A block is
 * valid until the next one is asked for.
 *
 * With `cut` "anywhere", blocks of UTF-8 may end anywhere, and only the longest string bounds a line.
 *
 * Lines end at the byte 10 alone, also in every multi-byte encoding that TextDecoder knows but UTF-16, since it is part
 * of no character there.
 * With "lines", a line longer than `maxRecordBytes` that was not there whole is a block of its own, `longLine`.
 * @throws FormatError as `readBytes`, and with "anywhere" for a line longer than a string can be.
 */
export async function* readBlocks(context: ReadContext, cut: "lines" | "anywhere" = "lines"): AsyncGenerator<Block> {
  const { op, encoding, replaceInvalid, chunkBytes, maxRecordBytes } = context.settings;
  const transcode = createTranscoder(context.settings);
  const lines = CUTTERS[encoding] ?? LINES;
  const cutter = cut === "anywhere" && encoding === "utf-8" && !replaceInvalid ? ANYWHERE : lines;
  const limit = cut === "anywhere" ? constants.MAX_STRING_LENGTH : maxRecordBytes;
  let end = 0;
  for await (const { bytes: block, longLine } of cutBlocks(readBytes(context.file, op, chunkBytes), cutter, limit)) {
    const bytes = transcode(block);
    end += longLine ?? block.length;
    if (longLine !== undefined && cut === "anywhere") throw tooLong(context, limit);
    if (longLine !== undefined) yield { bytes, offset: end - longLine, longLine };
    else if (bytes.length > 0) yield { bytes, offset: end - bytes.length };
  }
}

/** How much is kept of a line that is too long. */
const EXCERPT_BYTES = 4096;

/** Whole lines of a stream of chunks of any size; of a line above the limit its first bytes. */
async function* cutBlocks(
  chunks: AsyncIterable<Buffer>,
  cutter: Cutter,
  limit: number,
): AsyncGenerator<Pick<Block, "bytes" | "longLine">> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let long: LongLine | undefined;
  for await (const chunk of chunks) {
    const rest = long === undefined ? chunk : long.pass(chunk);
    if (long?.isOver) {
      yield { bytes: long.excerpt, longLine: long.bytes };
      long = undefined;
    }
    if (rest.length === 0) continue;
    const whole = cutter.needsWhole && pendingBytes > 0 ? Buffer.concat([...pending, rest]) : rest;
    if (whole !== rest) [pending, pendingBytes] = [[], 0];
    const end = cutter.lastLineEnd(whole);
    if (end > 0) {
      const head = whole.subarray(0, end);
      yield { bytes: pendingBytes === 0 ? head : Buffer.concat([...pending, head]) };
      [pending, pendingBytes] = [[], 0];
    }
    if (end < whole.length) pending.push(Buffer.from(whole.subarray(end))); // a copy: the chunk is used again
    pendingBytes += whole.length - end;
    if (pendingBytes <= limit) continue;
    long = new LongLine(Buffer.concat(pending), cutter);
    [pending, pendingBytes] = [[], 0];
  }
  if (long !== undefined) yield { bytes: long.excerpt, longLine: long.bytes };
  else if (pendingBytes > 0) yield { bytes: Buffer.concat(pending) };
}

/** A line that is passed over, but for its first bytes. */
class LongLine {
  readonly excerpt: Buffer;
  bytes: number;
  isOver = false;
  readonly #cutter: Cutter;
  /** The first bytes of a unit of which the others have not come. */
  #part: Buffer;

  constructor(start: Buffer, cutter: Cutter) {
    this.excerpt = Buffer.from(start.subarray(0, EXCERPT_BYTES));
    this.bytes = start.length;
    this.#cutter = cutter;
    this.#part = Buffer.from(start.subarray(start.length - (start.length % cutter.unit)));
  }

  /** What of a chunk stands behind the line. */
  pass(chunk: Buffer): Buffer {
    const whole = this.#part.length === 0 ? chunk : Buffer.concat([this.#part, chunk]);
    const end = this.#cutter.firstLineEnd(whole);
    this.isOver = end > 0;
    this.bytes += (end > 0 ? end : whole.length) - this.#part.length;
    this.#part = Buffer.from(whole.subarray(whole.length - (whole.length % this.#cutter.unit)));
    return whole.subarray(end > 0 ? end : whole.length);
  }
}

function tooLong({ file, settings }: ReadContext, limit: number): FormatError {
  const expected = `text of lines of at most ${limit} bytes`;
  const hint = "Cut longer lines, or convert the file to UTF-8, where lines may have any length.";
  return new FormatError({ op: settings.op, operand: file, expected, actual: "a longer one", hint });
}
