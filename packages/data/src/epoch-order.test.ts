import { OutOfRangeError } from "@ds3/errors";
import { expect, test } from "vitest";
import { createEpochOrder, type EpochOrder } from "./epoch-order.ts";
import { permutation } from "./random.ts";

const take = (order: EpochOrder, count: number): number[] => Array.from({ length: count }, () => order.next());

test("each epoch has every item once, in the order of (seed, epoch)", () => {
  const order = createEpochOrder(7, { seed: 3 });
  for (let epoch = 0; epoch < 4; epoch++)
    expect(take(order, 7)).toEqual([...permutation(7, { seed: 3, stream: epoch })]);
  expect(take(createEpochOrder(7), 7)).toEqual([...permutation(7, { seed: 0, stream: 0 })]);
});

test("without shuffling from first to last", () => {
  expect(take(createEpochOrder(3, { shuffle: false, seed: 5 }), 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
});

test("one item is every item", () => {
  const order = createEpochOrder(1, { seed: 9 });
  expect(take(order, 3)).toEqual([0, 0, 0]);
  expect(order.cursor()).toEqual({ epoch: 3, index: 0 });
});

test("from any cursor, through JSON, the same items follow; a cursor does not move on", () => {
  const order = createEpochOrder(5, { seed: 1 });
  const all = take(createEpochOrder(5, { seed: 1 }), 20);
  for (let taken = 0; taken < 12; taken++) {
    const cursor = order.cursor();
    expect(cursor).toEqual({ epoch: Math.floor(taken / 5), index: taken % 5 });
    const other = createEpochOrder(5, { seed: 1 });
    other.seek(JSON.parse(JSON.stringify(cursor)));
    expect(take(other, 8)).toEqual(all.slice(taken, taken + 8));
    order.next();
    expect(cursor).toEqual({ epoch: Math.floor(taken / 5), index: taken % 5 });
  }
  order.seek({ epoch: 0, index: 2 });
  expect(take(order, 5)).toEqual(all.slice(2, 7));
});

test("what makes no sense is named, and moves nothing", () => {
  expect(() => createEpochOrder(0)).toThrow("createEpochOrder: count: expected an integer of at least 1, got 0.");
  expect(() => createEpochOrder(2, { seed: -1 })).toThrow("createEpochOrder: seed: expected an integer of at least 0");
  const order = createEpochOrder(3);
  order.next();
  for (const cursor of [null, undefined, {}, { epoch: -1, index: 0 }, { epoch: 0.5, index: 0 }, { epoch: 0, index: 3 }])
    expect(() => order.seek(cursor), JSON.stringify(cursor)).toThrow(OutOfRangeError);
  expect(() => order.seek({ epoch: 0, index: 3 })).toThrow(
    "seek: cursor.index: expected an integer from 0 to 2, got 3. A cursor belongs to one data set",
  );
  expect(order.cursor()).toEqual({ epoch: 0, index: 1 });
});
