import { sizeAt } from "../aligned-text.ts";
import type { Splitter } from "../pre-tokenizer.ts";
import { type CodePointRanges, hasCodePoint } from "../unicode/code-point-ranges.ts";
import { codePointsOf } from "../unicode/code-points-of.ts";
import { wordCharacters } from "../unicode/hf-classes.ts";

const [OTHER, SPACE, WORD] = [0, 1, 2];

/** Whitespace: runs of word characters, and runs of what is neither of a word nor white space (`\w+|[^\w\s]+`). */
export function whitespace(): Splitter {
  const words = wordCharacters();
  const kinds = kindsOfUnits(words);
  const kindAt = (text: string, at: number): number => {
    if (sizeAt(text, at) === 1) return kinds[text.charCodeAt(at)]!;
    return hasCodePoint(words, text.codePointAt(at)!) ? WORD! : OTHER!;
  };
  return {
    split(text, emit) {
      for (let from = 0, to = 0; from < text.length; from = to) {
        const kind = kindAt(text, from);
        do to += sizeAt(text, to);
        while (to < text.length && kindAt(text, to) === kind);
        if (kind !== SPACE) emit(from, to);
      }
    },
  };
}

function kindsOfUnits(words: CodePointRanges): Uint8Array {
  const kinds = new Uint8Array(0x10000);
  const paint = (set: CodePointRanges, kind: number): void => {
    for (let i = 0; i < set.length; i += 2) kinds.fill(kind, set[i]!, set[i + 1]! + 1);
  };
  paint(words, WORD!);
  paint(codePointsOf("White_Space"), SPACE!);
  return kinds;
}
