import { DtypeError, ShapeError } from "@ds3/errors";
import { normals, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { gatherRows } from "./gather-rows.ts";

const device = useTestGpu();

test.each(["u32", "i32"] as const)("rows by %s ids, exactly", async (dtype) => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const [V, D] = [129, 37];
  const table = normals(V * D, 1).map(Math.fround);
  const ids = [0, 128, 7, 7, 64];
  const rows = await gatherRows(gpu.tensor(table, [V, D]), gpu.tensor(ids, [5], dtype)).data();
  expect([...rows]).toEqual(ids.flatMap((id) => [...table.subarray(id * D, (id + 1) * D)]));
});

test("refuses ids that are no integers, and a table that is none", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  expect(() => gatherRows(gpu.zeros([3, 2]), gpu.zeros([2]))).toThrow(DtypeError);
  expect(() => gatherRows(gpu.zeros([3, 2]), gpu.zeros([2]))).toThrow(/ids: expected u32 or i32, got \[2\] f32/);
  expect(() => gatherRows(gpu.zeros([3]), gpu.zeros([2], "u32"))).toThrow(ShapeError);
});
