import { expect, test } from "vitest";
import { createRandom } from "../random.ts";
import { NgramIds } from "./ngram-ids.ts";
import { TokenScan } from "./token-scan.ts";

/** From the definition, with strings; words are separated by single spaces. */
function naive(words: readonly string[], n: number) {
  const grams = words.slice(n - 1).map((_, i) => words.slice(i, i + n));
  const counts = new Map<string, number>();
  for (const gram of grams) counts.set(gram.join(" "), (counts.get(gram.join(" ")) ?? 0) + 1);
  const repeated = [...counts].filter(([, count]) => count > 1);
  const most = Math.max(0, ...repeated.map(([, count]) => count));
  const top = repeated.find(([, count]) => count === most)?.[0];
  const seen = new Set<string>();
  let units = 0;
  for (let i = 0; i < grams.length; ) {
    const gram = grams[i]!.join(" ");
    if (seen.has(gram)) {
      units += grams[i]!.join("").length;
      i += n;
    } else {
      seen.add(gram);
      i++;
    }
  }
  const at = grams.findIndex((gram) => gram.join(" ") === top);
  return { repeated: repeated.length, top: { count: most, at: Math.max(0, at) }, units, length: grams.length };
}

const tokens = new TokenScan();
const ids = new NgramIds();

function check(words: readonly string[], last: number): void {
  const text = words.join(" ");
  ids.start(text, tokens.scan(text));
  for (let n = 1; n <= last; n++) {
    const found = { repeated: ids.repeated, top: ids.top(), units: ids.duplicateUnits(), length: ids.length };
    expect(found, `${n} of ${text}`).toEqual(naive(words, n));
    ids.next();
  }
}

test("by hand: the best of the best of the rest", () => {
  const text = "the best of the best of the rest";
  ids.start(text, tokens.scan(text));
  expect([ids.length, ids.repeated, ids.top()]).toEqual([8, 3, { count: 3, at: 0 }]);
  ids.next();
  expect([ids.repeated, ids.top()]).toEqual([3, { count: 2, at: 0 }]);
  // the best, best of, of the, [the best] = 7 units, then [of the] = 5, rest
  expect(ids.duplicateUnits()).toBe(12);
  ids.next();
  // the best of, best of the, of the best, [the best of] = 9, then the rest is too short
  expect(ids.duplicateUnits()).toBe(9);
});

test("equals counting with strings on random texts, from no repetition to nothing else", () => {
  const random = createRandom({ seed: 3 });
  for (let round = 0; round < 400; round++) {
    const kinds = 1 + random.below(8);
    const words = Array.from({ length: random.below(60) }, () => "w".repeat(1 + random.below(3)) + random.below(kinds));
    check(words, 12);
  }
});

test("a long text after a short one, and one of a single word", () => {
  check(["a"], 4);
  check([], 3);
  const random = createRandom({ seed: 4 });
  check(
    Array.from({ length: 5000 }, () => `w${random.below(40)}`),
    6,
  );
  check(
    Array.from({ length: 300 }, () => "a"),
    10,
  );
});
