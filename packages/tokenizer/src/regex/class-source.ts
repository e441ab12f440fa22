import { type CodePointRanges, complementOf } from "../unicode/code-point-ranges.ts";

/** A set of code points as a character class of JavaScript's `u` mode. */
export function classSource(set: CodePointRanges): string {
  const others = complementOf(set);
  if (others.length === 0) return "[^]";
  return others.length < set.length ? `[^${rangesSource(others)}]` : `[${rangesSource(set)}]`;
}

/** One character as a pattern that matches it. */
export function literalSource(code: number): string {
  const char = String.fromCodePoint(code);
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function rangesSource(set: CodePointRanges): string {
  let source = "";
  for (let i = 0; i < set.length; i += 2) {
    source += escaped(set[i]!);
    if (set[i + 1]! > set[i]!) source += (set[i + 1]! > set[i]! + 1 ? "-" : "") + escaped(set[i + 1]!);
  }
  return source;
}

/** Characters are spelled as themselves: V8 leaves patterns of more than 20480 units unoptimized, 4 times as slow. */
function escaped(code: number): string {
  const isPlain = code >= 0x80 ? code < 0xd800 || code > 0xdfff : /\w/.test(String.fromCharCode(code));
  return isPlain ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`;
}
