import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { samples } from "../test/chats.ts";
import { createSftBatches, type SftBatch } from "./create-sft-batches.ts";

/** 11 samples of 2 to 12 tokens, each with ids of its own. */
const many = Array.from({ length: 11 }, (_, s) => ({
  ids: Int32Array.from({ length: 2 + s }, (_, i) => 100 * s + i),
  assistantMask: Uint8Array.from({ length: 2 + s }, (_, i) => i % 2),
}));
const options = { length: 14, batch: 2, seed: 7 };

const take = (source: { next(): SftBatch }, count: number): SftBatch[] =>
  Array.from({ length: count }, () => source.next());
/** The rows of some batches, as text. */
const rowsOf = (batches: readonly SftBatch[]): string[] =>
  batches.flatMap(({ inputs, targets, positions, documentIds, batch, length }) =>
    Array.from({ length: batch }, (_, b) =>
      [inputs, targets, positions, documentIds].map((all) => all.subarray(b * length, (b + 1) * length)).join(" | "),
    ),
  );

test("every row once an epoch, each epoch in another order, batches over its end, without end", () => {
  const source = createSftBatches(many, options);
  expect(source.rows % 2).toBe(1);
  const rows = rowsOf(take(source, source.rows * 2));
  const epochs = [0, 1, 2, 3].map((epoch) => rows.slice(epoch * source.rows, (epoch + 1) * source.rows));
  expect(new Set(epochs[0]).size).toBe(source.rows);
  for (const epoch of epochs) expect([...epoch].sort()).toEqual([...epochs[0]!].sort());
  expect(new Set(epochs.map((epoch) => epoch.join())).size).toBeGreaterThan(1);
});

test("the order is the seed's", () => {
  const orderOf = (seed: number) => rowsOf(take(createSftBatches(many, { ...options, seed }), 6)).join();
  expect(orderOf(7)).toBe(orderOf(7));
  expect(new Set([1, 2, 3, 4].map(orderOf)).size).toBeGreaterThan(1);
});

test("from any cursor, through JSON, the same batches follow", () => {
  const source = createSftBatches(many, options);
  for (let taken = 0; taken < 8; taken++) {
    const cursor = JSON.stringify(source.cursor());
    const expected = take(source, 5);
    const other = createSftBatches(many, options);
    other.seek(JSON.parse(cursor));
    expect(take(other, 5)).toEqual(expected);
    source.seek(JSON.parse(cursor));
    source.next();
  }
});

test("counts: targets, tokens, samples, and the share of places that is used", () => {
  const source = createSftBatches(many, options);
  const batches = take(source, source.rows);
  const total = (count: (batch: SftBatch) => number) => batches.reduce((sum, batch) => sum + count(batch), 0);
  // Twice every row. A sample of n tokens has floor(n / 2) targets, and inputs up to the last of them.
  const sizes = many.map(({ ids }) => ids.length);
  const wanted = sizes.reduce((sum, n) => sum + Math.floor(n / 2), 0);
  const used = sizes.reduce((sum, n) => sum + (n % 2 === 0 ? n - 1 : n - 2), 0);
  expect([total(source.weightOf), total(source.tokensPerBatch)]).toEqual([2 * wanted, 2 * used]);
  expect(source).toMatchObject({ samples: 11, length: 14, targetCount: wanted, usedShare: used / (source.rows * 14) });
  for (const { targets, targetCount } of batches) {
    expect(targetCount).toBe(targets.filter((target) => target !== -100).length);
    expect(targetCount).toBeGreaterThan(0);
  }
});

test("samples of chats pack well", () => {
  const { usedShare, rows } = createSftBatches(samples, { length: 64, batch: 1 });
  expect(rows).toBeLessThan(samples.length);
  expect(usedShare).toBeGreaterThan(0.5);
});

test("options and cursors that make no sense are named", () => {
  expect(() => createSftBatches(many, { ...options, batch: 0 })).toThrow(OutOfRangeError);
  expect(() => createSftBatches(many, { ...options, batch: 0 })).toThrow(
    /createSftBatches: batch: expected an integer of at least 1, got 0/,
  );
  expect(() => createSftBatches(many, { ...options, seed: -1 })).toThrow(/seed/);
  const source = createSftBatches(many, options);
  const before = source.cursor();
  for (const cursor of [
    null,
    {},
    { epoch: -1, index: 0 },
    { epoch: 0, index: source.rows },
    { epoch: 0.5, index: 0 },
  ]) {
    expect(() => source.seek(cursor), JSON.stringify(cursor)).toThrow(OutOfRangeError);
  }
  expect(() => source.seek({ epoch: 0, index: 99 })).toThrow(/cursor.index: expected an integer from 0 to \d+, got 99/);
  expect(source.cursor()).toEqual(before);
});
