import { AlignedTextBuilder, sizeAt } from "../aligned-text.ts";
import type { Normalizer } from "./normalizer.ts";

/** Put a text before every text that is not empty (HF's Prepend). What is put there stands for the first character. */
export function createPrepend(prefix: string): Normalizer {
  return {
    normalize(input) {
      const { text } = input;
      if (text.length === 0) return input;
      if (input.origin === undefined) return { text: prefix + text, atStart: input.atStart };
      const builder = new AlignedTextBuilder(input);
      const first = sizeAt(text, 0);
      builder.put(prefix, 0);
      // With nothing to put there HF takes the first character itself for new, and new text at the front for nothing.
      if (prefix === "") builder.putBefore(text.slice(0, first));
      else builder.copy(0, first);
      builder.copy(first, text.length);
      return builder.build();
    },
  };
}
