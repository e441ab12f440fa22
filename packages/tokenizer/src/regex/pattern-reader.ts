import { UnsupportedTokenizerError } from "../unsupported-tokenizer-error.ts";

/** Reads a pattern from left to right, one code point or one token at a time. */
export class PatternReader {
  readonly pattern: string;
  /** Offset of what comes next, in UTF-16 units. */
  at = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  /** The next code point, or "" at the end. */
  peek(): string {
    const code = this.pattern.codePointAt(this.at);
    return code === undefined ? "" : String.fromCodePoint(code);
  }

  /** The next code point, read; "" at the end. */
  next(): string {
    const char = this.peek();
    this.at += char.length;
    return char;
  }

  /** Whether a token comes next; it is read then. */
  eat(token: string): boolean {
    if (!this.pattern.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  /** What a sticky expression matches here, read; undefined when it does not match. */
  match(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.at;
    const match = sticky.exec(this.pattern);
    if (match !== null) this.at += match[0].length;
    return match ?? undefined;
  }

  /** The error for a construct that begins at an offset. */
  refuse(construct: string, offset: number = this.at): UnsupportedTokenizerError {
    return new UnsupportedTokenizerError({
      op: "parseTokenizer",
      operand: `pattern ${JSON.stringify(this.pattern)}`,
      expected: "constructs that mean the same in Oniguruma and in JavaScript",
      actual: `${JSON.stringify(construct)} at offset ${offset}`,
    });
  }
}
