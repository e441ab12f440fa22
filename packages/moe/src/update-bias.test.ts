import { OutOfRangeError, ShapeError } from "@ds3/errors";
import { integers, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { updateBiasRef } from "./route.ref.ts";
import { accumulateLoad, updateBias } from "./update-bias.ts";

describe("updateBias", () => {
  const device = useTestGpu();

  test.each([
    ["at the mean still", [3, 3, 3], [1, 2, 3]],
    ["below up, above down", [1, 2, 3], [0, 0, 0]],
    ["a mean between integers", [4, 3, 3], [0, 0, 0]],
    ["loads that a float cannot tell apart", [100_000_001, 100_000_000, 99_999_999], [0, 0, 0]],
    ["many experts", integers(257, 50, 1), normals(257, 2)],
  ])("%s", async (_, load, bias) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const state = gpu.tensor(bias, [bias.length]);
    updateBias(state, gpu.tensor(load, [load.length], "u32"), 0.25);
    const want = updateBiasRef(Float64Array.from(bias, Math.fround), load, 0.25);
    expect([...(await state.data())]).toEqual([...want.map(Math.fround)]);
  });

  test("loads add up over micro-batches, and not again in a recomputation", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const total = gpu.zeros([3], "u32");
    const load = gpu.tensor([1, 20, 300], [3], "u32");
    accumulateLoad(total, load);
    accumulateLoad(total, load);
    gpu.recompute(() => accumulateLoad(total, load));
    expect([...(await total.data<"u32">())]).toEqual([2, 40, 600]);
  });

  test("errors", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const load = gpu.zeros([3], "u32");
    expect(() => updateBias(gpu.zeros([2]), load, 0.1)).toThrow(ShapeError);
    expect(() => updateBias(gpu.zeros([3]), load, Number.NaN)).toThrow(OutOfRangeError);
    expect(() => updateBias(gpu.zeros([3]), gpu.zeros([3]), 0.1)).toThrow(/updateBias: load: expected u32/);
  });
});
