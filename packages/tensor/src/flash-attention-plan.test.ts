import { ConfigError } from "@ds3/errors";
import { expect, test } from "vitest";
import { create } from "webgpu";
import { type FlashShape, planFlashBackward, planFlashForward } from "./flash-attention-plan.ts";
import type { KernelTarget } from "./target.ts";

/** Stays referenced: Dawn crashes when a collected instance still has devices. */
const nullBackend = create(["backend=null"]);

const targets: Record<string, KernelTarget> = {
  "software, 8 lanes": { software: true, subgroupSize: 8 },
  "software, 4 lanes": { software: true, subgroupSize: 4 },
  "software, no subgroups": { software: true, subgroupSize: 0 },
  hardware: { software: false, subgroupSize: 32 },
};
const headDims = [
  [1, 1],
  [7, 20],
  [20, 20],
  [32, 32],
  [48, 32],
  [96, 64],
  [128, 128],
  [192, 128],
  [256, 256],
  [576, 512],
] as const;
const small: FlashShape = {
  B: 2,
  T: 100,
  S: 130,
  N: 3,
  headDimQk: 48,
  headDimV: 32,
  scale: 0.1,
  keyOffset: 30,
  documents: true,
};

test.each(Object.entries(targets))("every kernel compiles within default limits: %s", async (_, target) => {
  const adapter = await nullBackend.requestAdapter();
  const device = await adapter!.requestDevice({ requiredFeatures: target.subgroupSize > 0 ? ["subgroups"] : [] });
  for (const [headDimQk, headDimV] of headDims) {
    for (const documents of [false, true]) {
      const shape = { ...small, headDimQk, headDimV, documents };
      for (const { kernel, uniforms } of [planFlashForward(target, shape), ...planFlashBackward(target, shape)]) {
        const module = device.createShaderModule({ code: kernel.wgsl });
        await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
        expect(Object.keys(uniforms)).toEqual(kernel.uniforms.map(([name]) => name));
        expect(kernel.bindings.length).toBeLessThanOrEqual(8);
      }
    }
  }
  device.destroy();
  await device.lost;
});

test("a kernel serves all sequence lengths: its label and text depend on head sizes alone", () => {
  const target = targets["software, 8 lanes"]!;
  const longer = { ...small, B: 5, T: 4096, S: 4096, N: 16, keyOffset: 0, scale: 3 };
  expect(planFlashForward(target, longer).kernel).toEqual(planFlashForward(target, small).kernel);
  expect(planFlashBackward(target, longer).map((plan) => plan.kernel)).toEqual(
    planFlashBackward(target, small).map((plan) => plan.kernel),
  );
});

test.each(Object.values(targets))("grids cover every row of every head within the limit, %o", (target) => {
  for (const shape of [small, { ...small, T: 1, S: 1, keyOffset: 0 }, { ...small, B: 70_000, N: 2 }]) {
    const [terms, query, key] = planFlashBackward(target, shape);
    for (const [plan, length] of [
      [planFlashForward(target, shape), shape.T],
      [query!, shape.T],
      [key!, shape.S],
    ] as const) {
      const [x, y, z] = plan.groups;
      const rows = plan.uniforms.rows ?? 64;
      expect(x * rows).toBeGreaterThanOrEqual(length);
      expect(y * z).toBeGreaterThanOrEqual(shape.B * shape.N);
      expect(Math.max(x, y, z)).toBeLessThanOrEqual(65_535);
    }
    expect(terms!.groups[0] * terms!.groups[1] * 64).toBeGreaterThanOrEqual(shape.B * shape.N * shape.T);
  }
});

test.each([
  [{ T: 0 }, "flashAttention: T: expected a whole number >= 1, got 0."],
  [{ headDimV: 1.5 }, "flashAttention: headDimV: expected a whole number >= 1, got 1.5."],
  [{ keyOffset: -1 }, "flashAttention: keyOffset: expected a whole number >= 0, got -1."],
  [{ headDimQk: 4096 }, "flashAttention: headDimQk: expected headDimQk + headDimV <= 4032, got 4128. Split the heads."],
])("refuses %o", (change, message) => {
  const refuse = () => planFlashForward(targets.hardware!, { ...small, ...change });
  expect(refuse).toThrow(ConfigError);
  expect(refuse).toThrow(message);
});
