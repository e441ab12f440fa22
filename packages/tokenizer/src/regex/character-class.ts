/** Oniguruma's bracket expressions as sets: ranges, nested brackets, POSIX names, `&&`. */
import { type CodePointRanges, complementOf, intersectionOf, unionOf } from "../unicode/code-point-ranges.ts";
import { readCharacterEscape, readSetEscape } from "./escapes.ts";
import type { PatternReader } from "./pattern-reader.ts";
import { posixRanges } from "./property-ranges.ts";

/** A bracket expression: its set before negation, which case folding asks for, and whether it is negated. */
export interface BracketSet {
  readonly set: CodePointRanges;
  readonly negated: boolean;
}

/** Letters that a backslash makes neither a character nor a set of, inside brackets. */
const SPECIAL = "xuoCMpP";

/** Read a bracket expression, whose `[` comes next. */
export function readBrackets(reader: PatternReader): BracketSet {
  const start = reader.at;
  reader.at++;
  const negated = reader.eat("^");
  const operands: CodePointRanges[] = [];
  let parts: CodePointRanges[] = [];
  // A first `]` is an ordinary character when another one closes the brackets.
  if (reader.peek() === "]") parts.push(readFirstBracket(reader, start));
  while (!reader.eat("]")) {
    if (reader.peek() === "") throw reader.refuse(reader.pattern.slice(start), start);
    if (reader.eat("&&")) {
      operands.push(unionOf(...parts));
      parts = [];
    } else parts.push(readItem(reader));
  }
  operands.push(unionOf(...parts));
  return { set: operands.reduce(intersectionOf), negated };
}

function readFirstBracket(reader: PatternReader, start: number): CodePointRanges {
  if (!reader.pattern.includes("]", reader.at + 1)) throw reader.refuse(reader.pattern.slice(start), start);
  return readItem(reader);
}

/** One set, or one character with the range that it may begin. */
function readItem(reader: PatternReader): CodePointRanges {
  const start = reader.at;
  const set = readSet(reader);
  if (set !== undefined) {
    if (isRange(reader)) throw reader.refuse(reader.pattern.slice(start, reader.at + 2), start);
    return set;
  }
  const from = readCharacter(reader);
  if (!isRange(reader)) return [from, from];
  reader.at++;
  if (readSet(reader) !== undefined) throw reader.refuse(reader.pattern.slice(start, reader.at), start);
  const to = readCharacter(reader);
  if (to < from) throw reader.refuse(reader.pattern.slice(start, reader.at), start);
  // What a range ends in begins no other: the minus is a character then, and may not look like a range's.
  if (isRange(reader)) return unionOf([from, to], [0x2d, 0x2d], readAfterMinus(reader, start));
  return [from, to];
}

function readAfterMinus(reader: PatternReader, start: number): CodePointRanges {
  reader.at++;
  const item = readItem(reader);
  if (item.length === 2 && item[0] === item[1]) return item;
  throw reader.refuse(reader.pattern.slice(start, reader.at), start);
}

/** A minus comes next that is not the last character. */
function isRange(reader: PatternReader): boolean {
  const { pattern, at } = reader;
  return pattern[at] === "-" && pattern[at + 1] !== "]" && !pattern.startsWith("&&", at + 1);
}

function readSet(reader: PatternReader): CodePointRanges | undefined {
  const offset = reader.at;
  const posix = reader.match(/\[:(\^?)(\w+):\]/y);
  if (posix !== undefined) {
    const set = posixRanges(posix[2]!);
    if (set === undefined) throw reader.refuse(posix[0], offset);
    return posix[1] === "^" ? complementOf(set) : set;
  }
  if (reader.peek() !== "[") return readSetEscape(reader, true);
  const { set, negated } = readBrackets(reader);
  return negated ? complementOf(set) : set;
}

function readCharacter(reader: PatternReader): number {
  if (reader.peek() !== "\\") {
    const code = reader.next().codePointAt(0);
    if (code === undefined) throw reader.refuse(reader.pattern);
    return code;
  }
  if (reader.eat("\\b")) return 8;
  const code = readCharacterEscape(reader, SPECIAL);
  if (code === undefined) throw reader.refuse(reader.pattern.slice(reader.at, reader.at + 2));
  return code;
}
