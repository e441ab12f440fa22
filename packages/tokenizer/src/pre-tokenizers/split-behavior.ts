/**
 * What becomes of a pattern's matches (HF's SplitDelimiterBehavior). A text is covered by events in order: matches, and
 * the gaps between them. Empty matches count as events, since they change what their neighbours are merged with.
 */
import type { EmitPiece, Splitter } from "../pre-tokenizer.ts";

/** Finds what a text is cut at. */
export interface Matcher {
  /** Call `onMatch` for each match in order; matches do not overlap and may be empty. */
  matches(text: string, onMatch: EmitPiece): void;
}

/** The names of tokenizer.json. */
export type SplitBehavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

/** Takes the events of one text and emits its pieces. */
interface Sink {
  take(from: number, to: number, isMatch: boolean): void;
  finish(): void;
}

/** Cut texts at the matches of a matcher, or with `invert` at the gaps between them. */
export function splitAt(matcher: Matcher, behavior: SplitBehavior, invert = false): Splitter {
  const start = sinks[behavior];
  return {
    split(text, emit) {
      const sink = start((from, to) => {
        if (to > from) emit(from, to);
      });
      let end = 0;
      matcher.matches(text, (from, to) => {
        if (from > end) sink.take(end, from, invert);
        sink.take(from, to, !invert);
        end = to;
      });
      if (end < text.length) sink.take(end, text.length, invert);
      sink.finish();
    },
  };
}

const nothing = (): void => {};

const sinks: Readonly<Record<SplitBehavior, (emit: EmitPiece) => Sink>> = {
  Isolated: (emit) => ({ take: emit, finish: nothing }),
  Removed: (emit) => ({ take: (from, to, isMatch) => (isMatch ? undefined : emit(from, to)), finish: nothing }),
  Contiguous: (emit) => joining(emit, (isMatch, wasMatch) => isMatch === wasMatch),
  MergedWithPrevious: (emit) => joining(emit, (isMatch, wasMatch) => isMatch && !wasMatch),
  MergedWithNext: (emit) => joining(emit, (isMatch, wasMatch) => wasMatch && !isMatch),
};

/** An event joins the piece of the one before when `joins` says so. */
function joining(emit: EmitPiece, joins: (isMatch: boolean, wasMatch: boolean) => boolean): Sink {
  let start = 0;
  let end = 0;
  let wasMatch: boolean | undefined;
  return {
    take(from, to, isMatch) {
      if (wasMatch === undefined || !joins(isMatch, wasMatch)) {
        emit(start, end);
        start = from;
      }
      end = to;
      wasMatch = isMatch;
    },
    finish: () => emit(start, end),
  };
}
