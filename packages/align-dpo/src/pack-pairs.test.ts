import { EmptyDataError } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import { describe, expect, test } from "vitest";
import { toyPairs } from "../test/toy-pairs.ts";
import { packPairs } from "./pack-pairs.ts";

const pairs = toyPairs(7, 3);
const slots = [
  ...pairs.map(({ prompt, chosen }) => [prompt, chosen] as const),
  ...pairs.map(({ prompt, rejected }) => [prompt, rejected] as const),
];

describe.each([false, true])("packPairs, packs %s", (packs) => {
  const { tokens, rows, targets, starts, sequences, tokenCount } = packPairs(pairs, { packs });

  test("every completion's tokens are predicted, from the places of its own sequence", () => {
    for (const [slot, [prompt, completion]] of slots.entries()) {
      const [from, to] = [starts[sequences[slot]!]!, starts[sequences[slot]! + 1]!];
      expect([...targets.subarray(from, to)]).toEqual([...completion]);
      const places = rows.subarray(from, to);
      const begin = places[0]! - (prompt.length - 1);
      const sequence = [...prompt, ...completion.subarray(0, -1)];
      expect([...tokens.inputs.subarray(begin, begin + sequence.length)]).toEqual(sequence);
      expect([...places]).toEqual(Array.from(completion, (_, i) => begin + prompt.length - 1 + i));
      const document = tokens.documentIds!.subarray(begin, begin + sequence.length);
      expect(new Set(document).size).toBe(1);
      expect(tokens.positions![begin]).toBe(0);
      expect(Math.floor(begin / tokens.length)).toBe(Math.floor(places.at(-1)! / tokens.length));
    }
  });

  test("places rise, each sequence is there once, and padding is not counted", () => {
    expect(rows.every((row, i) => i === 0 || row > rows[i - 1]!)).toBe(true);
    expect([...sequences].sort((a, b) => a - b)).toEqual(slots.map((_, n) => n));
    expect(tokenCount).toBe(
      slots.reduce((sum, [prompt, completion]) => sum + prompt.length + completion.length - 1, 0),
    );
    expect(tokens.batch)[packs ? "toBeLessThan" : "toBe"](slots.length);
    expect(starts.at(-1)).toBe(targets.length);
  });
});

test.each(["prompt", "chosen", "rejected"] as const)("a pair with an empty %s is refused by name", (part) => {
  const broken = pairs.map((pair, i) => (i === 2 ? { ...pair, [part]: new Int32Array(0) } : pair));
  expect(() => packPairs(broken)).toThrow(EmptyDataError);
  expect(() => packPairs(broken)).toThrow(`packPairs: pairs[2].${part}: expected at least one token, got none.`);
});

test("no pairs, and a pair longer than the rows, are refused by name", () => {
  expect(() => packPairs([])).toThrow("packPairs: pairs: expected at least one pair, got none.");
  expect(() => packPairs(pairs, { length: 3 })).toThrow(OutOfRangeError);
});
