import { expect, test } from "vitest";
import { flattenBatches } from "./flatten-batches.ts";

let closed = 0;
async function* batches(fail = false): AsyncGenerator<readonly number[]> {
  try {
    yield [1, 2];
    yield [];
    yield [3];
    if (fail) throw new RangeError("torn");
    yield [4, 5];
  } finally {
    closed++;
  }
}

test("the elements of all batches in order, then the end, for good", async () => {
  const found: number[] = [];
  const flat = flattenBatches(batches());
  for await (const value of flat) found.push(value);
  expect(found).toEqual([1, 2, 3, 4, 5]);
  expect(await flat.next()).toEqual({ done: true, value: undefined });
});

test("calls that do not wait for one another get the elements in order", async () => {
  const flat = flattenBatches(batches());
  const results = await Promise.all(Array.from({ length: 7 }, () => flat.next()));
  expect(results.map(({ value }) => value)).toEqual([1, 2, 3, 4, 5, undefined, undefined]);
  expect(results.map(({ done }) => done)).toEqual([false, false, false, false, false, true, true]);
});

test("leaving early closes the source, and nothing comes after it", async () => {
  closed = 0;
  const flat = flattenBatches(batches());
  for await (const value of flat) if (value === 1) break;
  expect(closed).toBe(1);
  expect((await flat.next()).done).toBe(true);
});

test("an error comes behind the elements before it, throw() reaches the source", async () => {
  const found: number[] = [];
  await expect(async () => {
    for await (const value of flattenBatches(batches(true))) found.push(value);
  }).rejects.toThrow("torn");
  expect(found).toEqual([1, 2, 3]);
  closed = 0;
  const flat = flattenBatches(batches());
  await flat.next();
  await expect(flat.throw(new TypeError("mine"))).rejects.toThrow("mine");
  expect([closed, (await flat.next()).done]).toEqual([1, true]);
});
