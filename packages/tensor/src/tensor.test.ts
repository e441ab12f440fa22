import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { cast } from "./cast.ts";
import { UseAfterFreeError } from "./errors.ts";

const device = useTestGpu();

test("views of bf16: rows are padded to whole words", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const rows = cast(gpu.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]), "bf16");
  expect([...(await cast(rows.slice(1, 3).reshape([1, 2, 3]), "f32").data())]).toEqual([4, 5, 6, 7, 8, 9]);
  expect(() => rows.reshape([9])).toThrow(/same padding of rows/);
  expect([...(await cast(cast(gpu.tensor([1, 2, 3, 4]), "bf16").reshape([2, 2]), "f32").data())]).toEqual([1, 2, 3, 4]);
  const vector = cast(gpu.tensor([1, 2, 3, 4, 5]), "bf16");
  expect([...(await cast(vector.slice(2, 5), "f32").data())]).toEqual([3, 4, 5]);
  expect(() => vector.slice(1, 5)).toThrow(ShapeError);
});

test("data that does not fit and dtypes that do not exist leave nothing behind", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const before = gpu.stats.liveBuffers;
  expect(() => gpu.tensor([1, 2, 3], [2, 2])).toThrow("tensor: data: expected 4 values for [2, 2] f32, got 3.");
  expect(() => gpu.tensor([1], [1], "f64" as "f32", "x")).toThrow(
    "tensor: x: expected f32, i32, u32, f16, bf16, got f64.",
  );
  expect(() => gpu.zeros([1], "f64" as "f32")).toThrow(DtypeError);
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("a scalar has no rows to slice", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  expect(() => gpu.zeros([]).slice(0, 0)).toThrow(ShapeError);
  expect(() => gpu.zeros([2]).slice(0, 3)).toThrow(OutOfRangeError);
});

test("views keep with their tensor and die with it", async () => {
  const { gpu } = device;
  using _outer = gpu.scope("outer");
  const inner = gpu.scope("inner");
  const [kept, dropped] = [gpu.tensor([1, 2, 3, 4]), gpu.zeros([4])];
  inner.keep(kept.slice(1, 3));
  const view = dropped.reshape([2, 2]);
  inner.close();
  expect([...(await kept.data())]).toEqual([1, 2, 3, 4]);
  expect(view.isFreed).toBe(true);
  expect(() => view.slice(0, 1)).toThrow(UseAfterFreeError);
  await expect(view.data()).rejects.toThrow(UseAfterFreeError);
});

test("keep in the handle's own scope changes nothing; free ends one tensor early", () => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  const x = gpu.currentScope.keep(gpu.zeros([2]));
  expect(gpu.stats.liveBuffers).toBe(before + 1);
  gpu.free(x);
  gpu.free(x);
  expect(x.isFreed).toBe(true);
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("a scope that throws after keep gave the tensor away", () => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  const step = (): void => {
    using _outer = gpu.scope("outer");
    using inner = gpu.scope("inner");
    inner.keep(gpu.zeros([2]));
    inner.keep(gpu.zeros([2]).slice(0, 1));
    throw new Error("after keep");
  };
  expect(step).toThrow("after keep");
  expect(gpu.stats.liveBuffers).toBe(before);
});

test("a scope that is given a second reference to a storage gives it back", () => {
  const { gpu } = device;
  const before = gpu.stats.liveBuffers;
  {
    using _scope = gpu.scope();
    const x = gpu.zeros([2]);
    gpu.adopt(x.storage.retain());
  }
  expect(gpu.stats.liveBuffers).toBe(before);
});
