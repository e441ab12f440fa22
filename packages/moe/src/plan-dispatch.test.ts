import { DtypeError, OutOfRangeError, ShapeError } from "@ds3/errors";
import { normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { planDispatchRef } from "./dispatch.ref.ts";
import { planDispatch } from "./plan-dispatch.ts";
import { largest } from "./route.ref.ts";

/** K distinct experts for each token, as a router gives them. */
function choices(T: number, K: number, E: number): number[] {
  const values = normals(T * E, T + E);
  return Array.from({ length: T }, (_, t) => largest(values.subarray(t * E, (t + 1) * E), K)).flat();
}

describe("planDispatch", () => {
  const device = useTestGpu();

  test.each([
    [0, 2, 4],
    [1, 2, 8],
    [7, 3, 5],
    [127, 2, 16],
    [129, 8, 256],
    [1000, 1, 1],
    [513, 4, 4],
    [5000, 4, 8],
    [129, 2, 1024],
  ])("T %i, K %i, E %i against a stable sort", async (T, K, E) => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    const indices = choices(T, K, E);
    const want = planDispatchRef(indices, K, E);
    using scope = gpu.scope();
    const total = gpu.tensor(
      Uint32Array.from({ length: E }, (_, e) => 3 * e),
      [E],
      "u32",
    );
    const plan = planDispatch(gpu.tensor(indices, [T, K], "u32"), E, { total });
    expect([...(await total.data<"u32">())], "total").toEqual([...want.load].map((load, e) => load + 3 * e));
    for (const name of ["load", "offsets", "position", "source"] as const) {
      expect([...(await plan[name].data<"u32">())], name).toEqual([...want[name]]);
    }
    scope.close();
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("errors", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    expect(() => planDispatch(gpu.zeros([4, 2]), 8)).toThrow(DtypeError);
    expect(() => planDispatch(gpu.zeros([4, 2]), 8)).toThrow(/planDispatch: indices: expected u32, got \[4, 2\] f32/);
    expect(() => planDispatch(gpu.zeros([4], "u32"), 8)).toThrow(ShapeError);
    expect(() => planDispatch(gpu.zeros([4, 2], "u32"), 8, { total: gpu.zeros([7], "u32") })).toThrow(ShapeError);
    expect(() => planDispatch(gpu.zeros([4, 2], "u32"), 0)).toThrow(OutOfRangeError);
  });
});
