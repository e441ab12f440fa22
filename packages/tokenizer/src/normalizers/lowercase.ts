import type { Normalizer } from "./normalizer.ts";
import { rewriteCharacters } from "./rewrite.ts";

const changesWhenLowercased = /\p{Changes_When_Lowercased}/gu;

/**
 * Lower case, one character at a time (HF's Lowercase): a capital sigma becomes σ at the end of a word too, where
 * JavaScript's own lower case would take ς.
 */
export const lowercase: Normalizer = {
  normalize(input) {
    if (input.origin !== undefined) return rewriteCharacters(input, changesWhenLowercased, (c) => c.toLowerCase());
    const lowered = input.text.replaceAll("Σ", "σ").toLowerCase();
    return lowered === input.text ? input : { text: lowered, atStart: input.atStart };
  },
};
