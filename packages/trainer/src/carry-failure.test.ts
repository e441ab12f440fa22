import { expectCompiling, useNullDevice, useTestGpu } from "@ds3/testing";
import { expect, test } from "vitest";
import { carryFailure } from "./carry-failure.ts";
import { carryFailureWgsl } from "./carry-failure.wgsl.ts";

const device = useTestGpu();
const nullBackend = useNullDevice();

test("the loss passes bit for bit after a step that was applied, and is NaN after one that was not", async () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const applied = gpu.tensor([9, 1, 0, 2], [4]);
  const refused = gpu.tensor([9, 1, 1, 2], [4]);
  for (const value of [3.25, -0, 1e-45, Number.POSITIVE_INFINITY]) {
    const loss = gpu.tensor([value], [1]);
    expect(await carryFailure(loss, applied).item()).toBe(Math.fround(value));
    expect(await carryFailure(loss, refused).item()).toBeNaN();
  }
});

test("the kernel's text", () => {
  expect(carryFailureWgsl().wgsl).toMatchInlineSnapshot(`
    "struct Uniforms { nan: u32 }
    @group(0) @binding(0) var<uniform> u: Uniforms;
    @group(0) @binding(1) var<storage, read> loss: array<u32>;
    @group(0) @binding(2) var<storage, read> previous: array<u32>;
    @group(0) @binding(3) var<storage, read_write> out: array<u32>;

    @compute @workgroup_size(1)
    fn main() { out[0] = select(loss[0], u.nan, previous[2] != 0u); }"
  `);
});

test("the kernel compiles on the null backend", async () => {
  await expectCompiling(nullBackend.device, [carryFailureWgsl()]);
});
