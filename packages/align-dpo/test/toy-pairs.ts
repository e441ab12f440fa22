import { integers } from "@ds3/testing";
import type { PreferencePair } from "../src/index.ts";
import { VOCABULARY } from "./tiny-policy.ts";

/** Prompts of 1 to 6 tokens; the better completion counts up from the prompt's last token, the worse one counts down. */
export function toyPairs(count: number, seed: number, vocabulary = VOCABULARY): PreferencePair[] {
  const lengths = integers(3 * count, 5, seed);
  const tokens = integers(6 * count, vocabulary, seed + 1);
  return Array.from({ length: count }, (_, i) => {
    const prompt = tokens.slice(6 * i, 6 * i + 1 + lengths[3 * i]!);
    const counting = (step: number, length: number): Int32Array =>
      Int32Array.from({ length }, (_, k) => (prompt.at(-1)! + step * (k + 1) + 10 * vocabulary) % vocabulary);
    return {
      prompt,
      chosen: counting(1, 2 + lengths[3 * i + 1]!),
      rejected: counting(-1, 2 + lengths[3 * i + 2]!),
    };
  });
}
