import { sliceAligned } from "../aligned-text.ts";
import type { Normalizer } from "./normalizer.ts";
import { marks } from "./pinned-classes.ts";
import { removeCharacters } from "./rewrite.ts";
import { isWhiteSpace } from "./white-space.ts";

/** Remove white space at the ends (HF's Strip). */
export function createStrip({ left, right }: { readonly left: boolean; readonly right: boolean }): Normalizer {
  return {
    normalize(input) {
      const { text } = input;
      let from = 0;
      let to = text.length;
      while (left && from < to && isWhiteSpace(text.charCodeAt(from))) from++;
      while (right && to > from && isWhiteSpace(text.charCodeAt(to - 1))) to--;
      return sliceAligned(input, from, to);
    },
  };
}

/** Remove combining marks (HF's StripAccents; it takes no letter apart, so NFD usually comes first). */
export const stripAccents: Normalizer = {
  normalize: (input) => (marks().occurIn(input.text) ? removeCharacters(input, marks().pattern) : input),
};
