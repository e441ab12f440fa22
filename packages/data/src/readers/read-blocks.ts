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
}

/** Where a stream of bytes may be cut: after a line end, which has one byte, or two in UTF-16. */
export interface Cutter {
  /** The end of the last line that is complete in `bytes`, or 0. */
  readonly lastLineEnd: (bytes: Buffer) => number;
  /** Whether the end depends on bytes before those of one chunk. */
  readonly needsWhole: boolean;
}

const LINES: Cutter = { needsWhole: false, lastLineEnd: (bytes) => bytes.lastIndexOf(10) + 1 };

function units(low: number): Cutter {
  return {
    needsWhole: true,
    lastLineEnd: (bytes) => {
      for (let i = bytes.length - (bytes.length % 2) - 2; i >= 0; i -= 2) {
        if (bytes[i + low] === 10 && bytes[i + 1 - low] === 0) return i + 2;
      }
      return 0;
    },
  };
}

/** Anywhere, once there is enough for a byte order mark. */
const ANYWHERE: Cutter = { needsWhole: true, lastLineEnd: (bytes) => (bytes.length < 3 ? 0 : bytes.length) };

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
 * @throws FormatError as `readBytes`, and for a line longer than `maxRecordBytes`.
 */
export async function* readBlocks(context: ReadContext, cut: "lines" | "anywhere" = "lines"): AsyncGenerator<Block> {
  const { op, encoding, replaceInvalid, chunkBytes, maxRecordBytes } = context.settings;
  const transcode = createTranscoder(context.settings);
  const lines = CUTTERS[encoding] ?? LINES;
  const cutter = cut === "anywhere" && encoding === "utf-8" && !replaceInvalid ? ANYWHERE : lines;
  const limit = cut === "anywhere" ? constants.MAX_STRING_LENGTH : maxRecordBytes;
  const blocks = cutBlocks(readBytes(context.file, op, chunkBytes), context, cutter, limit);
  let end = 0;
  for await (const block of blocks) {
    const bytes = transcode(block);
    end += block.length;
    if (bytes.length > 0) yield { bytes, offset: end - bytes.length };
  }
}

/** Whole lines of a stream of chunks of any size. */
export async function* cutBlocks(
  chunks: AsyncIterable<Buffer>,
  context: ReadContext,
  cutter: Cutter = LINES,
  limit: number = context.settings.maxRecordBytes,
): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    const whole = cutter.needsWhole && pendingBytes > 0 ? Buffer.concat([...pending, chunk]) : chunk;
    if (whole !== chunk) [pending, pendingBytes] = [[], 0];
    const end = cutter.lastLineEnd(whole);
    if (end > 0) {
      const head = whole.subarray(0, end);
      yield pendingBytes === 0 ? head : Buffer.concat([...pending, head]);
      [pending, pendingBytes] = [[], 0];
    }
    if (end < whole.length) pending.push(Buffer.from(whole.subarray(end))); // a copy: the chunk is used again
    pendingBytes += whole.length - end;
    if (pendingBytes > limit) throw tooLong(context, limit);
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}

function tooLong({ file, settings }: ReadContext, limit: number): FormatError {
  const expected = `lines of at most ${limit} bytes`;
  const hint = "Check that the file is text with line ends, or raise { maxRecordBytes }.";
  return new FormatError({ op: settings.op, operand: file, expected, actual: "a longer one", hint });
}
