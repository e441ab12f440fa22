/**
 * Pre-tokenizers cut a text into the pieces inside which merges happen.
 *
 * Most only cut. A `Splitter` does that with offsets alone and makes no strings, so that a hand-written scanner can take
 * the place of a regular expression without any change around it. The others (a prefix, a replaced space) rewrite, and
 * hand on texts that know where they come from.
 */
import { type AlignedText, sliceAligned, untracked } from "./aligned-text.ts";

/** Receives one piece, `text[from, to)`. */
export type EmitPiece = (from: number, to: number) => void;

/** Cuts texts. */
export interface Splitter {
  /**
   * Call `emit` for each non-empty piece of `text`, in order; what the splitter removes is left out. Offsets are UTF-16
   * units of a well-formed text.
   */
  split(text: string, emit: EmitPiece): void;
}

/** The pre-tokenizer of a tokenizer.json. */
export interface PreTokenizer {
  /** Set when every step only cuts: the same pieces as `pieces`, without making strings. */
  readonly splitter: Splitter | undefined;
  /**
   * The last step is ByteLevel, and its characters for bytes stay unwritten: pieces are ordinary text, and the model
   * maps their UTF-8 itself.
   */
  readonly byteLevel: boolean;
  /** The non-empty pieces of a text, with its origins when it has them. */
  pieces(text: AlignedText): readonly AlignedText[];
}

/** The whole text as one piece. */
export const wholeText: Splitter = {
  split: (text, emit) => {
    if (text.length > 0) emit(0, text.length);
  },
};

/** A pre-tokenizer that only cuts. */
export function cutting(splitter: Splitter, byteLevel = false): PreTokenizer {
  return {
    splitter,
    byteLevel,
    pieces: (input) => {
      const pieces: AlignedText[] = [];
      splitter.split(input.text, (from, to) => pieces.push(sliceAligned(input, from, to)));
      return pieces;
    },
  };
}

/** A pre-tokenizer that rewrites a text, then cuts it. */
export function rewriting(
  rewrite: (input: AlignedText) => AlignedText,
  splitter: Splitter = wholeText,
  byteLevel = false,
): PreTokenizer {
  const { pieces } = cutting(splitter);
  return { splitter: undefined, byteLevel, pieces: (input) => pieces(rewrite(input)) };
}

/**
 * Steps one after the other, each on the pieces of the one before.
 *
 * A later step sees a piece as a text of its own: `\s+(?!\S)` at the end of a piece looks at the end of its world, not
 * at the next piece. One alternation of all patterns would therefore split differently.
 */
export function sequence(steps: readonly PreTokenizer[]): PreTokenizer {
  const byteLevel = steps.at(-1)?.byteLevel ?? false;
  const splitters = steps.map((step) => step.splitter);
  if (splitters.every((splitter) => splitter !== undefined)) return cutting(composed(splitters), byteLevel);
  return {
    splitter: undefined,
    byteLevel,
    pieces: (input) =>
      steps.reduce<readonly AlignedText[]>((texts, step) => texts.flatMap((text) => step.pieces(text)), [input]),
  };
}

/** Splitters one after the other, as one. */
export function composed(splitters: readonly Splitter[]): Splitter {
  const effective = splitters.filter((splitter) => splitter !== wholeText);
  return effective.length === 0 ? wholeText : effective.reduce(compose);
}

function compose(first: Splitter, second: Splitter): Splitter {
  return {
    split(text, emit) {
      first.split(text, (from, to) => {
        const piece = from === 0 && to === text.length ? text : text.slice(from, to);
        second.split(piece, (start, end) => emit(from + start, from + end));
      });
    },
  };
}

/**
 * Each piece of a text for those who want no offsets, as `text[from, to)` of the text that it lies in: the given one
 * when the pre-tokenizer only cuts, else a new one.
 *
 * `atStart`: whether the text begins where the whole input begins.
 */
export function eachPiece(
  { splitter, pieces }: PreTokenizer,
  text: string,
  atStart: boolean,
  emit: (text: string, from: number, to: number) => void,
): void {
  if (splitter !== undefined) splitter.split(text, (from, to) => emit(text, from, to));
  else for (const piece of pieces(untracked(text, atStart))) emit(piece.text, 0, piece.text.length);
}
