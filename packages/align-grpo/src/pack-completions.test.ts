import { EmptyDataError } from "@ds3/data";
import { expect, test } from "vitest";
import { packCompletions } from "./pack-completions.ts";

const ids = (...values: number[]): Int32Array => Int32Array.from(values);
const sequences = [
  { prompt: ids(1), completion: ids(2) },
  { prompt: ids(3, 4), completion: ids() },
  { prompt: ids(5, 6), completion: ids(7, 8, 9) },
  { prompt: ids(10), completion: ids(11, 12) },
];

test.each([true, false])("rows predict the completions' tokens, packs %s", (packs) => {
  const { tokens, rows, targets, starts, order } = packCompletions(sequences, packs);
  expect(order.toSorted()).toEqual([0, 1, 2, 3]);
  expect([...rows].every((row, i) => i === 0 || row > rows[i - 1]!)).toBe(true);
  for (const [n, i] of order.entries()) {
    const { prompt, completion } = sequences[i]!;
    expect(targets.slice(starts[n], starts[n + 1])).toEqual(completion);
    const seen = [...rows.slice(starts[n], starts[n + 1])].map((row) => tokens.inputs[row]);
    expect(seen).toEqual(completion.length > 0 ? [prompt.at(-1), ...completion.slice(0, -1)] : []);
  }
  expect(tokens.batch).toBe(packs ? 2 : 3);
});

test("completions without tokens come last, and alone they take no rows", () => {
  expect(packCompletions(sequences, true).order.at(-1)).toBe(1);
  const { tokens, rows, starts, order } = packCompletions([sequences[1]!, sequences[1]!], true);
  expect([tokens.batch, tokens.inputs.length, rows.length]).toEqual([0, 0, 0]);
  expect([[...starts], order]).toEqual([
    [0, 0, 0],
    [0, 1],
  ]);
});

test("a prompt without tokens is refused", () => {
  expect(() => packCompletions([{ prompt: ids(), completion: ids(1) }], true)).toThrow(EmptyDataError);
});
