import { createBatches, packTokens } from "@ds3/data";
import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { batchSource } from "./batch-source.ts";

const shape = { batch: 2, length: 3 };
const options = { ...packTokens([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]]), batchSize: 2, sequenceLength: 3 };

test("the iterator's batches with their shape, from its cursor on", async () => {
  const [source, iterator] = [batchSource(createBatches(options), shape), createBatches(options)];
  expect(source.tokensPerBatch).toBe(6);
  const cursors: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    cursors.push(source.cursor());
    expect(await source.next()).toEqual({ ...iterator.next().value!, ...shape });
  }
  expect(source.cursor()).toEqual(iterator.cursor());
  source.seek(cursors[1]);
  iterator.seek(cursors[1] as { epoch: number; index: number });
  expect(await source.next()).toEqual({ ...iterator.next().value!, ...shape });
});

test("a batch with weights counts by those of its counted targets, others by 1", () => {
  const source = batchSource(createBatches(options), shape);
  const targets = Int32Array.of(3, -100, 5, 6);
  expect(source.weightOf({ targets, weights: Float32Array.of(0.5, 8, 0, 2) })).toBe(2.5);
  expect(source.weightOf({ targets, weights: new Float32Array(4) })).toBe(0);
  expect(source.weightOf({ targets })).toBe(1);
});

test("the end of an iterator is named with its place", async () => {
  const source = batchSource(createBatches({ ...options, epochs: 1 }), shape);
  await source.next();
  await source.next();
  await expect(source.next()).rejects.toThrow(OutOfRangeError);
  await expect(source.next()).rejects.toThrow('batches at {"epoch":1,"index":0}: expected batches without end');
});
