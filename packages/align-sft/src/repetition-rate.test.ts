import { OutOfRangeError } from "@ds3/errors";
import { uniforms } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { repetitionRate } from "./repetition-rate.ts";

const rate = (tokens: readonly number[], options?: { repeats: number }, stopped = false) =>
  repetitionRate([{ tokens, stopped }], options);

describe("for random texts", () => {
  const uniform = uniforms(11);
  const below = (bound: number) => Math.floor(uniform() * bound);
  /** Distinct tokens: nothing repeats in it. */
  const fresh = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);
  const cases = Array.from({ length: 200 }, () => {
    const repeats = 2 + below(5);
    const [prefix, block] = [fresh(below(30), 1000), fresh(1 + below(12), 0)];
    return { repeats, prefix, block };
  });
  const repeated = (block: readonly number[], times: number) => Array.from({ length: times }, () => block).flat();

  test("a sequence that often at the end counts, and once less does not", () => {
    for (const { repeats, prefix, block } of cases) {
      expect(rate([...prefix, ...repeated(block, repeats)], { repeats })).toBe(1);
      expect(rate([...prefix, ...repeated(block, repeats - 1)], { repeats })).toBe(0);
    }
  });

  test("the cut may fall within the sequence", () => {
    for (const { repeats, prefix, block } of cases) {
      const tokens = [...prefix, ...repeated(block, repeats), ...block.slice(0, below(block.length))];
      expect(rate(tokens, { repeats })).toBe(1);
    }
  });

  test("a text that ends by itself, or in something else, does not count", () => {
    for (const { repeats, prefix, block } of cases) {
      const tokens = [...prefix, ...repeated(block, repeats)];
      expect(rate(tokens, { repeats }, true)).toBe(0);
      expect(rate([...tokens, 5000], { repeats })).toBe(0);
    }
  });
});

test("the share of all completions; four times by default", () => {
  const ends = (tokens: readonly number[], stopped: boolean) => ({ tokens: Int32Array.from(tokens), stopped });
  const completions = [ends([1, 2, 1, 2, 1, 2, 1, 2], false), ends([7, 7, 7], false), ends([7, 7, 7, 7], true)];
  expect(repetitionRate(completions)).toBe(1 / 3);
  expect(repetitionRate([...completions, ends([7, 7, 7, 7], false)])).toBe(0.5);
  expect(repetitionRate([])).toBe(0);
  expect(repetitionRate([ends([], false)])).toBe(0);
});

test("repeats that make no sense are named", () => {
  for (const repeats of [1, 0, 2.5, Number.NaN]) expect(() => rate([], { repeats })).toThrow(OutOfRangeError);
  expect(() => rate([], { repeats: 1 })).toThrow(/repetitionRate: repeats: expected an integer of at least 2, got 1/);
});
