import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { fetchMicroBatches } from "./micro-batches.ts";
import type { BatchSource } from "./types.ts";

/** Batches 1, 2, 3, ...; `next` may be replaced. */
function counter(options: Partial<BatchSource<number>> = {}): BatchSource<number> {
  let at = 0;
  return { tokensPerBatch: 10, next: () => ++at, cursor: () => at, seek: () => {}, ...options };
}

test("batches in order, with tokens and shares of equal size", async () => {
  const expected = { batches: [1, 2, 3, 4], tokens: 40, shares: [0.25, 0.25, 0.25, 0.25] };
  expect(await fetchMicroBatches(counter(), 4)).toEqual(expected);
});

test("an asynchronous source is asked for one batch at a time", async () => {
  let [pending, most, at] = [0, 0, 0];
  const next = async () => {
    most = Math.max(most, ++pending);
    await new Promise((resolve) => setTimeout(resolve, 1));
    pending -= 1;
    return ++at;
  };
  expect((await fetchMicroBatches(counter({ next }), 3))!.batches).toEqual([1, 2, 3]);
  expect(most).toBe(1);
});

test("tokens and weights by batch", async () => {
  const source = counter({ tokensPerBatch: (batch) => batch * batch, weightOf: (batch) => batch - 1 });
  expect(await fetchMicroBatches(source, 3)).toEqual({ batches: [1, 2, 3], tokens: 14, shares: [0, 1 / 3, 2 / 3] });
  expect((await fetchMicroBatches(counter({ weightOf: () => 0 }), 2))!.shares).toEqual([0, 0]);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a weight or token count of %d is named", async (value) => {
  const weighted = fetchMicroBatches(counter({ weightOf: () => value }), 1);
  await expect(weighted).rejects.toThrow(OutOfRangeError);
  await expect(weighted).rejects.toThrow(`train: weightOf: expected a finite number >= 0, got ${value}`);
  await expect(fetchMicroBatches(counter({ tokensPerBatch: () => value }), 1)).rejects.toThrow(/tokensPerBatch/);
});

test("aborted while it waits: nothing, whether the source gives a batch or fails, and no further batch is asked for", async () => {
  for (const fails of [false, true]) {
    const controller = new AbortController();
    let asked = 0;
    const next = async () => {
      asked += 1;
      if (asked === 2) controller.abort();
      if (asked === 2 && fails) throw new Error("rollout cut short");
      return asked;
    };
    expect(await fetchMicroBatches(counter({ next }), 4, controller.signal)).toBeUndefined();
    expect(asked).toBe(2);
  }
});

test("a failure without an abort is the source's own", async () => {
  const { signal } = new AbortController();
  const next = () => Promise.reject(new Error("disk on fire"));
  await expect(fetchMicroBatches(counter({ next }), 1, signal)).rejects.toThrow("disk on fire");
});
