import type { AlignedText } from "../aligned-text.ts";

/** A step that rewrites text before it is cut into pieces: tokenizer.json's `normalizer`. */
export interface Normalizer {
  /**
   * The rewritten text. Origins are kept exactly when the input has them; the text is the same either way.
   *
   * The input is not changed; a step that changes nothing may give it back.
   */
  normalize(input: AlignedText): AlignedText;
}

/** Steps one after the other (HF's Sequence). */
export function createSequence(steps: readonly Normalizer[]): Normalizer {
  return { normalize: (input) => steps.reduce((text, step) => step.normalize(text), input) };
}
