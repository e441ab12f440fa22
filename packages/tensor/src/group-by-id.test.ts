import { integers } from "@ds3/testing/reference";
import { expect, test } from "vitest";
import { groupById } from "./group-by-id.ts";

test("ids, sorted positions, starts and distinct ids in one array", () => {
  const { table, distinct } = groupById(Int32Array.of(7, 2, 7, 0, 7, 2));
  expect(distinct).toBe(3);
  expect([...table.subarray(0, 6)]).toEqual([7, 2, 7, 0, 7, 2]);
  expect([...table.subarray(6, 12)]).toEqual([3, 1, 5, 0, 2, 4]);
  expect([...table.subarray(12, 16)]).toEqual([0, 1, 3, 6]);
  expect([...table.subarray(16)]).toEqual([0, 2, 7]);
});

test("no ids", () => {
  expect(groupById(new Int32Array(0))).toEqual({ table: Int32Array.of(0), distinct: 0 });
});

test("every position is in the group of its id, once", () => {
  const T = 3000;
  const ids = integers(T, 129_280, 1).map((id, t) => (t % 2 === 0 ? id : id % 50));
  const { table, distinct } = groupById(ids);
  const starts = table.subarray(2 * T, 2 * T + distinct + 1);
  const groups = table.subarray(2 * T + distinct + 1);
  expect(groups.length).toBe(new Set(ids).size);
  expect(new Set(table.subarray(T, 2 * T)).size).toBe(T);
  for (const [g, id] of groups.entries()) {
    for (const position of table.subarray(T + starts[g]!, T + starts[g + 1]!)) expect(ids[position]).toBe(id);
  }
});
