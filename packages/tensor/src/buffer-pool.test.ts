import { useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { add, scale } from "./arithmetic.ts";

const device = useTestGpu();

test("steps that are alike get the same buffers, in whatever order they freed them: no new bind groups", async () => {
  const { gpu } = device;
  const step = (): void => {
    using _scope = gpu.scope();
    const rows = Array.from({ length: 6 }, (_, i) => gpu.full([100], i));
    // The sums come back in another order than they went, so a stack of free buffers would hand them out rotated.
    const sums = rows.map((row) => add(row, scale(row, 2)));
    for (const i of [3, 0, 5, 1]) gpu.free(sums[i]!);
    for (const row of rows) scale(row, 3);
  };
  step();
  const { bindGroups, allocations } = gpu.stats;
  expect(bindGroups).toBeGreaterThan(12);
  for (let i = 0; i < 5; i++) step();
  expect(gpu.stats.bindGroups).toBe(bindGroups);
  expect(gpu.stats.allocations).toBe(allocations);
  await gpu.idle();
});
