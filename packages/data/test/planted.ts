/** Texts whose Jaccard similarity over 5-grams is known exactly, because every token of every text is unique. */
import { createRandom } from "../src/random.ts";

export interface PlantedPair {
  readonly first: string;
  readonly second: string;
  /** |A and B| / |A or B| of the two texts' sets of shingles. */
  readonly similarity: number;
}

/**
 * A text of `shingles + 4` tokens that occur nowhere else, and a copy with `changes` tokens replaced, at least 5 apart and
 * from the ends: each takes 5 shingles away and brings 5, so the similarity is (S - 5 c) / (S + 5 c).
 */
function plant(token: () => string, join: string, [shingles, changes]: readonly [number, number]): PlantedPair {
  const tokens = Array.from({ length: shingles + 4 }, token);
  const copy = [...tokens];
  const step = Math.floor((tokens.length - 4) / changes);
  if (step < 5) throw new Error(`${changes} changes do not fit into ${shingles} shingles`);
  for (let i = 0; i < changes; i++) copy[4 + i * step] = token();
  const similarity = (shingles - 5 * changes) / (shingles + 5 * changes);
  return { first: tokens.join(join), second: copy.join(join), similarity };
}

/** Shingles and changes for similarities of which the tests speak. */
export const PLANS = {
  0.5: [90, 6],
  0.7: [85, 3],
  0.8: [90, 2],
  0.9: [95, 1],
} as const;

/** `count` pairs of English-like texts: words of letters that carry a running number. */
export function plantWords(count: number, similarity: keyof typeof PLANS, seed: number): PlantedPair[] {
  const random = createRandom({ seed });
  let next = 0;
  const token = (): string => {
    const letters = [...(next++).toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)));
    return `${String.fromCharCode(97 + random.below(26))}q${letters.join("")}`;
  };
  return Array.from({ length: count }, () => plant(token, " ", PLANS[similarity]));
}

/** The same in Chinese: characters of one pair all differ; between pairs, no run of five is ever likely to be equal. */
export function plantHan(count: number, similarity: keyof typeof PLANS, seed: number): PlantedPair[] {
  const random = createRandom({ seed });
  return Array.from({ length: count }, () => {
    const used = new Set<number>();
    const token = (): string => {
      let unit = 0x4e00 + random.below(20_000);
      while (used.has(unit)) unit = 0x4e00 + random.below(20_000);
      used.add(unit);
      return String.fromCharCode(unit);
    };
    return plant(token, "", PLANS[similarity]);
  });
}
