import { sizeAt } from "../aligned-text.ts";
import type { Splitter } from "../pre-tokenizer.ts";

/** FixedLength: pieces of `length` characters, the last one of what is left. */
export function fixedLength(length: number): Splitter {
  return {
    split(text, emit) {
      for (let from = 0, to = 0; from < text.length; from = to) {
        for (let count = 0; count < length && to < text.length; count++) to += sizeAt(text, to);
        emit(from, to);
      }
    },
  };
}
