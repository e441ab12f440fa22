import { isUtf8 } from "node:buffer";
import { ConfigError } from "@ds3/errors";
import type { ReadSettings } from "./read-context.ts";

const REPLACEMENT = "\uFFFD";
/** Stands where bytes were no text in their encoding: never part of UTF-8, so that the record is told as damaged. */
const DAMAGE = Buffer.of(0xff);

/**
 * TextDecoder's name of an encoding. GBK is read as GB 18030, as the Encoding Standard has it: Node's own GBK takes stray
 * bytes for private characters.
 * @throws ConfigError for one that it does not know.
 */
export function encodingName(encoding: string, op: string): string {
  try {
    const name = new TextDecoder(encoding).encoding;
    return name === "gbk" ? "gb18030" : name;
  } catch (cause) {
    const expected = "an encoding that TextDecoder knows";
    const hint = "Common: utf-8, utf-16le, gb18030, big5, shift_jis, euc-kr, windows-1252.";
    throw new ConfigError({ op, operand: "encoding", expected, actual: encoding, hint, cause });
  }
}

/**
 * A function from blocks of whole lines in an encoding to the same in UTF-8, without a byte order mark at the first one's
 * beginning. UTF-8 goes through as it is, damage too, unless it is to be replaced.
 */
export function createTranscoder(settings: ReadSettings): (block: Buffer) => Buffer {
  const convert = settings.encoding === "utf-8" ? fromUtf8(settings) : fromOther(settings);
  let isFirst = true;
  return (block) => {
    const text = convert(block);
    const hasMark = isFirst && text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf;
    isFirst = false;
    return hasMark ? text.subarray(3) : text;
  };
}

function fromUtf8({ replaceInvalid }: ReadSettings): (block: Buffer) => Buffer {
  if (!replaceInvalid) return (block) => block;
  return (block) => (isUtf8(block) ? block : Buffer.from(block.toString("utf8")));
}

function fromOther({ encoding, replaceInvalid }: ReadSettings): (block: Buffer) => Buffer {
  const strict = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  const lenient = new TextDecoder(encoding, { ignoreBOM: true });
  const decode = (bytes: Buffer): string | undefined => {
    try {
      return strict.decode(bytes);
    } catch {
      return undefined;
    }
  };
  return (block) => {
    const text = replaceInvalid ? lenient.decode(block) : decode(block);
    if (text !== undefined) return Buffer.from(text);
    return Buffer.concat(linesOf(block, encoding).map((line) => textOrDamage(line, decode(line), lenient)));
  };
}

function textOrDamage(line: Buffer, text: string | undefined, lenient: TextDecoder): Buffer {
  if (text !== undefined) return Buffer.from(text);
  const read = lenient.decode(line);
  const at = read.indexOf(REPLACEMENT);
  if (at < 0) return Buffer.concat([DAMAGE, Buffer.from(read)]);
  return Buffer.concat([Buffer.from(read.slice(0, at)), DAMAGE, Buffer.from(read.slice(at + 1))]);
}

function linesOf(block: Buffer, encoding: string): Buffer[] {
  const lines: Buffer[] = [];
  const unit = encoding.startsWith("utf-16") ? 2 : 1;
  const isEnd = (i: number): boolean => {
    if (unit === 1) return block[i] === 10;
    return encoding === "utf-16le" ? block[i] === 10 && block[i + 1] === 0 : block[i] === 0 && block[i + 1] === 10;
  };
  let from = 0;
  for (let i = 0; i < block.length; i += unit) {
    if (!isEnd(i)) continue;
    lines.push(block.subarray(from, i + unit));
    from = i + unit;
  }
  if (from < block.length) lines.push(block.subarray(from));
  return lines;
}
