/** What the linear layers refuse, and what they say to do. */
import { createRowGroups } from "@ds3/tensor";
import { integers, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { fp8Linears } from "./fp8-linears.ts";

const device = useTestGpu();
const linears = fp8Linears();

test("refuses weights and experts that do not fit, odd gates, integers, other sites and scalings, by what to do", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const groups = createRowGroups(gpu.tensor([0, 1, 3], [3], "u32"), 3);
  expect(() => linears.linear(gpu.zeros([3, 4]), gpu.zeros([2, 5]))).toThrow(
    "fp8Linear: weight: expected [O, 4], got [2, 5] f32, and rows [3, 4] f32. Weights are [out, in]: their columns are the input's.",
  );
  expect(() => linears.gatedLinear(gpu.zeros([3, 8]), gpu.zeros([2, 5]))).toThrow(
    "fp8GatedLinear: weight: expected [O, 4], got [2, 5] f32, and rows [3, 8] f32.",
  );
  expect(() => linears.gatedLinear(gpu.zeros([3, 7]), gpu.zeros([2, 3]))).toThrow(
    "fp8GatedLinear: z: expected [..., 2I], got [3, 7] f32. z holds the gate, then the up-projection, both of I columns.",
  );
  expect(() => linears.groupedLinear(gpu.zeros([3, 4]), gpu.zeros([3, 2, 4]), groups)).toThrow(
    "fp8GroupedLinear: weight: expected [E=2, O, 4], and rows [R=3, ...], got [3, 2, 4] f32, and rows [3, 4] f32. Weights are [experts, out, in]; the groups must be those of these rows and experts.",
  );
  expect(() => linears.groupedGatedLinear(gpu.zeros([4, 8]), gpu.zeros([2, 2, 4]), groups)).toThrow(
    "fp8GroupedGatedLinear: weight: expected [E=2, O, 4], and rows [R=3, ...], got [2, 2, 4] f32, and rows [4, 8] f32.",
  );
  const ids = gpu.tensor(integers(4, 3, 1), [2, 2], "i32");
  const [x, z] = [gpu.zeros([2, 2]), gpu.zeros([2, 4])];
  const hint = "Pass it in f32: the layer rounds it to FP8 itself.";
  expect(() => linears.linear(ids, x)).toThrow(`fp8Linear: x: expected f32, got [2, 2] i32. ${hint}`);
  expect(() => linears.linear(x, ids)).toThrow(`fp8Linear: weight: expected f32, got [2, 2] i32. ${hint}`);
  expect(() => linears.gatedLinear(z, ids)).toThrow(`fp8GatedLinear: weight: expected f32, got [2, 2] i32. ${hint}`);
  expect(() => linears.linear(x, x, "O" as "o")).toThrow(
    'fp8Linear: site: expected qkvA or qB or kvB or o or gateUp or down or ehProj, got O. Did you mean "o"?',
  );
  expect(() => linears.groupedLinear(gpu.zeros([3, 4]), gpu.zeros([2, 2, 4]), groups, "up" as "down")).toThrow(
    "fp8GroupedLinear: site: expected gateUp or down, got up. Known: gateUp, down.",
  );
  expect(() => fp8Linears({ scaling: "row" as "tile" })).toThrow(
    "fp8Linears: scaling: expected tile or tensor, got row. Known: tile, tensor.",
  );
});
