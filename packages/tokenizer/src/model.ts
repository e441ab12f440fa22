import type { IntBuffer } from "./growable.ts";

/** The part of a tokenizer that turns one piece of text into ids. */
export interface Model {
  /** Append the ids of `text[from, to)` to `out`. */
  encodePiece(text: string, from: number, to: number, out: IntBuffer): void;
  /** The same ids with the range of the text that each stands for. */
  encodeSpans(text: string, from: number, to: number, out: TokenSpans): void;
}

/** Ids, and for each the units of the text it covers: a token that is part of a character covers all of it. */
export interface TokenSpans {
  readonly ids: IntBuffer;
  /** Positions in the text that was given, by id. */
  readonly starts: IntBuffer;
  readonly ends: IntBuffer;
}
