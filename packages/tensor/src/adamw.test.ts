import { DtypeError, OutOfRangeError, ShapeError, StateError } from "@ds3/errors";
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { adamwRef } from "./adamw.ref.ts";
import { adamwStep, createMoments } from "./adamw.ts";
import { Arena } from "./arena.ts";
import type { Gpu } from "./gpu.ts";
import { gradientNorm } from "./gradient-norm.ts";
import type { Tensor } from "./tensor.ts";

const device = useTestGpu();
const options = { learningRate: 0.01, betas: [0.9, 0.95] as const, eps: 1e-8, weightDecay: 0.1 };
const specs = [
  { name: "norm", shape: [127], decay: false },
  { name: "w", shape: [129, 7], decay: true },
  { name: "one", shape: [1], decay: true },
];

function write(gpu: Gpu, tensor: Tensor, values: Float64Array): void {
  gpu.write(tensor, Float32Array.from(values));
}

/** Runs `steps` updates on the GPU and in f64 with the same gradients; both clipped to norm 1. */
async function trajectories(
  gpu: Gpu,
  dtype: "f32" | "bf16",
  steps: number,
): Promise<{ name: string; got: Float32Array; want: Float64Array }[]> {
  const arena = new Arena(gpu, specs);
  const states = specs.map(({ name, shape, decay }, i) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const p = normals(size, i + 1).map(Math.fround);
    write(gpu, arena.get(name), p);
    return { name, decay, p, m: new Float64Array(size), v: new Float64Array(size) };
  });
  const moments = arena.segments.map((segment) => createMoments(segment, dtype));
  for (let step = 1; step <= steps; step++) {
    const gradients = states.map(({ p }, i) => normals(p.length, 100 * step + i).map(Math.fround));
    const norm = Math.sqrt(gradients.reduce((sum, g) => sum + g.reduce((s, x) => s + x * x, 0), 0));
    for (const [i, { name, decay, ...state }] of states.entries()) {
      write(gpu, arena.get(name).grad!, gradients[i]!);
      const g = gradients[i]!.map((x) => x * Math.min(1, 1 / (norm + 1e-6)));
      adamwRef({ ...state, g }, { ...options, step, weightDecay: decay ? options.weightDecay : 0 });
    }
    const stats = gradientNorm(arena.segments, gpu.tensor([2.5]), 1);
    expectNear("stats", await stats.data(), [norm, 1 / (norm + 1e-6), 0, 2.5], [4], 2e-6);
    for (const [i, segment] of arena.segments.entries()) adamwStep(segment, moments[i]!, stats, { ...options, step });
  }
  return Promise.all(states.map(async ({ name, p }) => ({ name, got: await arena.get(name).data(), want: p })));
}

describe("adamw", () => {
  test("follows the f64 reference over 5 clipped steps, decay on matrices only", async () => {
    using _scope = device.gpu.scope();
    for (const { name, got, want } of await trajectories(device.gpu, "f32", 5))
      expectNear(name, got, want, [want.length], 2e-6);
  });

  test("bf16 moments stay near: the rounding of 8 bits, not more", async () => {
    using _scope = device.gpu.scope();
    for (const { name, got, want } of await trajectories(device.gpu, "bf16", 5))
      expectNear(name, got, want, [want.length], 2 ** -8 * 0.05);
  });

  test.each([
    ["gradient NaN", Number.NaN, 1],
    ["gradient infinite", Number.POSITIVE_INFINITY, 1],
    ["gradient norm overflows", 3e38, 1],
    ["loss NaN", 0, Number.NaN],
    ["loss infinite", 0, Number.NEGATIVE_INFINITY],
  ])("%s: sets the flag and writes nothing", async (_, gradient, loss) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const arena = new Arena(gpu, specs);
    const before = normals(903, 1);
    write(gpu, arena.get("w"), before);
    const bad = new Float32Array(903).fill(0.1);
    bad[900] = gradient;
    gpu.write(arena.get("w").grad!, bad);
    const moments = createMoments(arena.segments[0]!, "f32");
    const stats = gradientNorm(arena.segments, gpu.tensor([loss]), 1);
    adamwStep(arena.segments[0]!, moments, stats, { ...options, step: 1 });
    expect((await stats.data())[2]).toBe(1);
    expect([...(await arena.get("w").data())]).toEqual([...Float32Array.from(before)]);
    expect((await moments.first.data()).every((m) => m === 0)).toBe(true);
  });
});

test("moments of another segment, mixed dtypes, bad options and losses are named", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const segment = new Arena(gpu, specs).segments[0]!;
  const other = new Arena(gpu, [specs[0]!]).segments[0]!;
  const moments = createMoments(segment, "f32");
  const stats = gradientNorm([segment], gpu.zeros([1]));
  expect(() => adamwStep(segment, createMoments(other, "f32"), stats, { ...options, step: 1 })).toThrow(ShapeError);
  const mixed = { first: moments.first, second: createMoments(segment, "bf16").second };
  expect(() => adamwStep(segment, mixed, stats, { ...options, step: 1 })).toThrow(DtypeError);
  expect(() => adamwStep(segment, moments, stats, { ...options, step: 0 })).toThrow(/step: expected >= 1, got 0/);
  const nan = { ...options, step: 1, learningRate: Number.NaN };
  expect(() => adamwStep(segment, moments, stats, nan)).toThrow(OutOfRangeError);
  expect(() => gradientNorm([segment], gpu.zeros([2]))).toThrow(ShapeError);
  expect(() => gradientNorm([segment], gpu.zeros([1], "u32"))).toThrow(DtypeError);
  expect(() => gradientNorm([segment], gpu.zeros([1]), Number.POSITIVE_INFINITY)).toThrow(/clipNorm/);
});

describe("arena", () => {
  test("parameters keep the caller's order; gradients are cleared together", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const arena = new Arena(gpu, specs);
    expect([...arena.parameters.keys()]).toEqual(["norm", "w", "one"]);
    expect(arena.size).toBe(127 + 903 + 1);
    write(gpu, arena.get("w").grad!, normals(903, 1));
    arena.zeroGradients();
    expect((await arena.get("w").grad!.data()).every((g) => g === 0)).toBe(true);
  });

  test("refuses two parameters of one name and unknown names", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const live = gpu.stats.liveBuffers;
    expect(() => new Arena(gpu, [specs[0]!, specs[0]!])).toThrow(/norm: expected names that differ/);
    expect(gpu.stats.liveBuffers, "nothing allocated before the check").toBe(live);
    expect(() => new Arena(gpu, specs).get("v")).toThrow(StateError);
  });
});
