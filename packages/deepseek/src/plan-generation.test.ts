import { describe, expect, test } from "vitest";
import { smallConfig } from "../test/small-model.ts";
import { createSequences, planRuns } from "./plan-generation.ts";
import { slicePrompts } from "./prefill.ts";

const prompts = [4, 1, 9].map((length) => new Int32Array(length));
const plenty = 2 ** 27;

function runsOf(samplesPerPrompt: number, sequencesAtOnce: number, maxBindingBytes = plenty): number[][] {
  const options = { maxNewTokens: 8, samplesPerPrompt, sequencesAtOnce };
  const sequences = createSequences(prompts, options, smallConfig);
  return planRuns(sequences, options, smallConfig, maxBindingBytes).map(({ sequences: own, samples }) => [
    samples,
    ...own.map(({ index }) => index),
  ]);
}

describe("planRuns", () => {
  test("keeps the samples of a prompt together where they fit", () => {
    expect(runsOf(2, 256)).toEqual([[2, 0, 1, 2, 3, 4, 5]]);
    expect(runsOf(2, 5)).toEqual([
      [2, 0, 1, 2, 3],
      [2, 4, 5],
    ]);
  });

  test("divides the samples of a prompt where they do not", () => {
    expect(runsOf(3, 2)).toEqual([
      [2, 0, 1],
      [1, 2],
      [2, 3, 4],
      [1, 5],
      [2, 6, 7],
      [1, 8],
    ]);
  });

  test("takes no more sequences than a binding holds of caches and logits, but one", () => {
    // Capacity 9 + 8 - 1 = 16 of 16 numbers; 40 logits are less.
    expect(runsOf(1, 256, 2 * 16 * 16 * 4)).toEqual([
      [1, 0, 1],
      [1, 2],
    ]);
    expect(runsOf(1, 256, 1)).toEqual([
      [1, 0],
      [1, 1],
      [1, 2],
    ]);
  });

  test("a run's capacity is what its longest sequence leaves in the cache", () => {
    const options = { maxNewTokens: 60, sequencesAtOnce: 2 };
    const runs = planRuns(createSequences(prompts, options, smallConfig), options, smallConfig, plenty);
    // 4 + 60 fill maxPositionEmbeddings = 64; the last token is not read again.
    expect(runs.map(({ capacity }) => capacity)).toEqual([63, 63]);
    expect(runs.flatMap(({ sequences }) => sequences.map(({ limit }) => limit))).toEqual([60, 60, 55]);
  });
});

test("slicePrompts puts prompts of like length together, within the limit of tokens", () => {
  const options = { maxNewTokens: 2, samplesPerPrompt: 2 };
  const [run] = planRuns(createSequences(prompts, options, smallConfig), options, smallConfig, plenty);
  const rows = (limit?: number): number[][] => slicePrompts(run!, limit).map((slice) => [...slice.rows]);
  expect(rows()).toEqual([[2, 3, 0, 1, 4, 5]]);
  expect(rows(8)).toEqual([
    [2, 3, 0, 1],
    [4, 5],
  ]);
  expect(rows(1)).toEqual([
    [2, 3],
    [0, 1],
    [4, 5],
  ]);
});
