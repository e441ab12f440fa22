import { type AlignedText, AlignedTextBuilder, sizeAt } from "../aligned-text.ts";
import type { Normalizer } from "./normalizer.ts";

/** What Replace looks for: a text as it is, or a translated Oniguruma pattern (flags "gu"). */
export type ReplacePattern = string | RegExp;

/**
 * Put `content` in the place of every match (HF's Replace). It is taken as it is: `$1` and `\1` mean nothing.
 *
 * The content stands for the last character of the match; that of an empty match for the character before it.
 */
export function createReplace(pattern: ReplacePattern, content: string): Normalizer {
  if (typeof pattern !== "string" || pattern === "") {
    const regex = typeof pattern === "string" ? /(?:)/gu : pattern;
    return { normalize: (input) => replaceRanges(input, content, matchesOf(regex, input.text)) };
  }
  return {
    normalize(input) {
      const { text } = input;
      const first = text.indexOf(pattern);
      if (first < 0) return input;
      if (input.origin !== undefined) return replaceRanges(input, content, occurrencesOf(pattern, text));
      // The content of a longer match stands for its last character, which is not where the text begins.
      const startsLater = first === 0 && (content === "" || pattern.length > sizeAt(pattern, 0));
      return { text: text.split(pattern).join(content), atStart: input.atStart && !startsLater };
    },
  };
}

type Range = readonly [from: number, to: number];

function* occurrencesOf(pattern: string, text: string): Generator<Range> {
  for (let at = text.indexOf(pattern); at >= 0; at = text.indexOf(pattern, at + pattern.length)) {
    yield [at, at + pattern.length];
  }
}

/** Matches as Oniguruma's iterator gives them: unlike in JavaScript none is empty directly after another, or in an empty text. */
export function* matchesOf(regex: RegExp, text: string): Generator<Range> {
  if (text.length === 0) return;
  let end = -1;
  regex.lastIndex = 0;
  for (let match = regex.exec(text); match !== null; match = regex.exec(text)) {
    const from = match.index;
    const to = from + match[0].length;
    if (to === from) regex.lastIndex = to + (to < text.length ? sizeAt(text, to) : 1);
    if (to === from && from === end) continue;
    end = to;
    // The caller may run the same expression on another text before it asks for more.
    const { lastIndex } = regex;
    yield [from, to];
    regex.lastIndex = lastIndex;
  }
}

function replaceRanges(input: AlignedText, content: string, ranges: Iterable<Range>): AlignedText {
  const { text } = input;
  const builder = new AlignedTextBuilder(input);
  let end = 0;
  let isChanged = false;
  for (const [from, to] of ranges) {
    isChanged = true;
    builder.copy(end, from);
    if (to === 0) builder.putBefore(content);
    else builder.put(content, startOfCharacterBefore(text, to));
    end = to;
  }
  if (!isChanged) return input;
  builder.copy(end, text.length);
  return builder.build();
}

function startOfCharacterBefore(text: string, at: number): number {
  return at - ((text.charCodeAt(at - 1) & 0xfc00) === 0xdc00 ? 2 : 1);
}
