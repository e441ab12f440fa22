import { hasCodePoint } from "../unicode/code-point-ranges.ts";
import type { Matcher } from "./split-behavior.ts";

/**
 * The matches of a global, Unicode-aware RegExp, as Oniguruma's bindings find them: an empty match counts, but not one
 * right behind the match before it. V8 also finds empty matches between the halves of a surrogate pair: none is there.
 */
export function regexMatcher(regex: RegExp): Matcher {
  return {
    matches(text, onMatch) {
      let lastEnd = -1;
      for (let from = 0; from <= text.length; ) {
        regex.lastIndex = from;
        const match = regex.exec(text);
        if (match === null) return;
        const end = match.index + match[0].length;
        if (end > match.index || (end !== lastEnd && !isInsidePair(text, end))) {
          onMatch(match.index, end);
          lastEnd = from = end;
        } else from = end + (text.codePointAt(end)! > 0xffff ? 2 : 1);
      }
    },
  };
}

function isInsidePair(text: string, at: number): boolean {
  return at > 0 && text.codePointAt(at - 1)! > 0xffff;
}

/** The occurrences of a string. An empty one occurs everywhere. */
export function stringMatcher(content: string): Matcher {
  if (content === "") return regexMatcher(/(?:)/gu);
  return {
    matches(text, onMatch) {
      for (let from = text.indexOf(content); from >= 0; from = text.indexOf(content, from + content.length)) {
        onMatch(from, from + content.length);
      }
    },
  };
}

/** Each character of a set, one by one. */
export function characterMatcher(set: readonly number[]): Matcher {
  const isBasic = new Uint8Array(0x10000);
  for (let i = 0; i < set.length; i += 2) isBasic.fill(1, set[i]!, set[i + 1]! + 1);
  return {
    matches(text, onMatch) {
      for (let at = 0; at < text.length; at++) {
        const unit = text.charCodeAt(at);
        if ((unit & 0xfc00) !== 0xd800) {
          if (isBasic[unit] === 1) onMatch(at, at + 1);
        } else if (hasCodePoint(set, text.codePointAt(at++)!)) onMatch(at - 1, at + 1);
      }
    },
  };
}
