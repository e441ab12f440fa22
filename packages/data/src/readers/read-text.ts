import { constants, isUtf8 } from "node:buffer";
import type { Document } from "../document.ts";
import { type Block, readBlocks } from "./read-blocks.ts";
import type { ReadContext } from "./read-context.ts";
import { makeDocument, type TextFields } from "./text-row.ts";

const NO_FIELDS: readonly string[] = [];

/**
 * The documents of a text file, in batches: the file, or its parts between separators, of which no more than one is in
 * memory beside a block. Sources are `file`, or `file#3` for the third part, blank ones counted.
 */
export async function* readText(
  context: ReadContext,
  { corpus }: Pick<TextFields, "corpus">,
  separator: string | undefined,
): AsyncGenerator<readonly Document[]> {
  const fields: TextFields = { textKey: "", metaKeys: NO_FIELDS, corpus };
  let [line, number] = [1, 0];
  for await (const { bytes, offset } of cutParts(readBlocks(context, "anywhere"), separator)) {
    number++;
    if (bytes.length > constants.MAX_STRING_LENGTH) throw tooLong(context, line, bytes.length);
    const source = separator ? `${context.file}#${number}` : context.file;
    if (!isUtf8(bytes)) context.rejectInvalid(line, bytes, offset);
    else yield [makeDocument(bytes.toString("utf8"), source, fields, () => undefined)];
    line += countNewlines(bytes) + countNewlines(Buffer.from(separator ?? ""));
  }
}

/** What stands between the separators of a stream of blocks; without a separator, all of it. */
async function* cutParts(blocks: AsyncIterable<Block>, separator: string | undefined): AsyncGenerator<Block> {
  const mark = Buffer.from(separator ?? "");
  let pending: Buffer[] = [];
  let offset = 0;
  let isFirst = true;
  for await (const block of blocks) {
    if (isFirst) offset = block.offset;
    isFirst = false;
    if (mark.length === 0) {
      pending.push(Buffer.from(block.bytes));
      continue;
    }
    // A separator may lie across blocks: its beginning is then within the last bytes of what is pending.
    const whole = joinTail(pending, block.bytes, mark.length);
    let from = 0;
    for (let at = whole.indexOf(mark); at >= 0; at = whole.indexOf(mark, from)) {
      const part = Buffer.concat([...pending, whole.subarray(from, at)]);
      yield { bytes: part, offset };
      offset += part.length + mark.length;
      pending = [];
      from = at + mark.length;
    }
    if (from < whole.length) pending.push(Buffer.from(whole.subarray(from)));
  }
  yield { bytes: Buffer.concat(pending), offset };
}

/** Moves as many of the last pending bytes before the block as a separator could have begun in. */
function joinTail(pending: Buffer[], block: Buffer, length: number): Buffer {
  const tails: Buffer[] = [];
  let missing = length - 1;
  while (missing > 0 && pending.length > 0) {
    const last = pending.pop()!;
    const cut = Math.max(0, last.length - missing);
    if (cut > 0) pending.push(last.subarray(0, cut));
    tails.unshift(last.subarray(cut));
    missing -= last.length - cut;
  }
  return tails.length === 0 ? block : Buffer.concat([...tails, block]);
}

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

function tooLong(context: ReadContext, line: number, bytes: number): Error {
  const expected = `a document of at most ${constants.MAX_STRING_LENGTH} bytes`;
  return context.formatError(line, { expected, actual: `${bytes} bytes`, hint: "Cut the file with { separator }." });
}
