/**
 * Pre-tokenizers cut a text into the pieces inside which merges happen.
 *
 * A step knows one verb, `split`, and reports offsets instead of substrings, so that a hand-written scanner can take the
 * place of a regular expression without any change around it.
 */
export interface PreTokenizer {
  /** Call `emit` for each non-empty piece of `text`, in order; the pieces cover the text. Offsets are UTF-16 units. */
  split(text: string, emit: EmitPiece): void;
}

/** Receives one piece, `text[from, to)`. */
export type EmitPiece = (from: number, to: number) => void;

/** The whole text as one piece. */
export const wholeText: PreTokenizer = {
  split: (text, emit) => {
    if (text.length > 0) emit(0, text.length);
  },
};

/** Each match is a piece, and so is each gap between matches (HF's Split with behavior Isolated). */
export function splitByRegex(regex: RegExp): PreTokenizer {
  return {
    split(text, emit) {
      let end = 0;
      regex.lastIndex = 0;
      for (let match = regex.exec(text); match !== null; match = regex.exec(text)) {
        const from = match.index;
        const to = from + match[0].length;
        if (from > end) emit(end, from);
        if (to > from) emit(from, to);
        // An empty match still cuts; step over one code point, or it would be found for ever.
        else regex.lastIndex = to + (text.codePointAt(to)! > 0xffff ? 2 : 1);
        end = to;
      }
      if (end < text.length) emit(end, text.length);
    },
  };
}

/**
 * Steps one after the other, each on the pieces of the one before.
 *
 * A later step sees a piece as a text of its own: `\s+(?!\S)` at the end of a piece looks at the end of its world, not
 * at the next piece. One alternation of all patterns would therefore split differently.
 */
export function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  const effective = steps.filter((step) => step !== wholeText);
  if (effective.length === 0) return wholeText;
  return effective.reduce(compose);
}

function compose(first: PreTokenizer, second: PreTokenizer): PreTokenizer {
  return {
    split(text, emit) {
      first.split(text, (from, to) => {
        const piece = from === 0 && to === text.length ? text : text.slice(from, to);
        second.split(piece, (start, end) => emit(from + start, from + end));
      });
    },
  };
}
