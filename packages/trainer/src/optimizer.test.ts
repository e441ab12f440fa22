import { Arena, gradientNorm } from "@ds3/tensor";
import { useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { createOptimizer, type OptimizerOptions } from "./optimizer.ts";

const device = useTestGpu();

/** AdamW with clipping from the equations, f64: parameters after constant gradients. */
function reference(
  start: number[],
  gradients: number[],
  decays: boolean[],
  rates: number[],
  clipNorm: number,
): number[] {
  const norm = Math.sqrt(gradients.reduce((sum, g) => sum + g * g, 0));
  const clip = Math.min(1, clipNorm / (norm + 1e-6));
  return start.map((value, i) => {
    let [p, m, v] = [value, 0, 0];
    const g = gradients[i]! * clip;
    for (const [t, rate] of rates.entries()) {
      m = 0.9 * m + 0.1 * g;
      v = 0.95 * v + 0.05 * g * g;
      const corrected = Math.sqrt(v / (1 - 0.95 ** (t + 1))) + 1e-8;
      p = p - (decays[i] ? rate * 0.1 * p : 0) - (rate * (m / (1 - 0.9 ** (t + 1)))) / corrected;
    }
    return p;
  });
}

describe.each([
  ["f32", 1e-5],
  ["bf16", 5e-3],
] as const)("AdamW, %s moments", (moments, tolerance) => {
  test.each([100, 0.5])("follows the equations at clip norm %d, with decay on matrices only", async (clipNorm) => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const arena = new Arena(gpu, [
      { name: "gain", shape: [3], decay: false },
      { name: "weight", shape: [2, 2], decay: true },
    ]);
    const [gain, weight] = [arena.get("gain"), arena.get("weight")];
    const start = [1, 2, 3, 4, -5, 6, 7];
    const gradients = [0.3, -0.4, 0, 1, 0, -2, 1e-3];
    gpu.write(gain, start.slice(0, 3));
    gpu.write(weight, start.slice(3));
    gpu.write(gain.grad!, gradients.slice(0, 3));
    gpu.write(weight.grad!, gradients.slice(3));
    using optimizer = createOptimizer(arena, { moments });
    const rates = [0.1, 0.05, 0.2];
    for (const rate of rates) optimizer.step(rate, gradientNorm(arena.segments, gpu.full([1], 1), clipNorm));
    const got = [...(await gain.data()), ...(await weight.data())];
    const decays = [false, false, false, true, true, true, true];
    const expected = reference(start, gradients, decays, rates, clipNorm);
    for (const [i, value] of expected.entries()) expect(Math.abs(got[i]! - value), `[${i}]`).toBeLessThan(tolerance);
    // Without a gradient only decay moves a parameter, and a vector has none.
    expect(got[2]).toBe(3);
    expect(got[4]).toBeCloseTo(-5 * 0.99 * 0.995 * 0.98, 5);
  });

  test("moments have the dtype and are given back", () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const arena = new Arena(gpu, [{ name: "weight", shape: [2, 2], decay: true }]);
    const before = gpu.stats.liveBuffers;
    const optimizer = createOptimizer(arena, { moments });
    expect(optimizer.moments.map(({ first, second }) => [first.dtype, second.dtype])).toEqual([[moments, moments]]);
    optimizer[Symbol.dispose]();
    expect(gpu.stats.liveBuffers).toBe(before);
  });
});

test("settings outside their ranges are named", () => {
  const { gpu } = device;
  using _scope = gpu.scope();
  const arena = new Arena(gpu, [{ name: "weight", shape: [2, 2], decay: true }]);
  const create = (options: OptimizerOptions) => () => createOptimizer(arena, options);
  expect(create({ betas: [1, 0.9] })).toThrow(/betas\[0\]: expected 0 <= beta < 1, got 1/);
  expect(create({ betas: [0.9, Number.NaN] })).toThrow(/betas\[1\]/);
  expect(create({ eps: 0 })).toThrow(/eps: expected a finite number > 0, got 0/);
  expect(create({ weightDecay: -1 })).toThrow(/weightDecay/);
  expect(() => createOptimizer(new Arena(gpu, []))).toThrow(/arena: expected parameters, got none/);
  expect(() => createOptimizer(arena).step(Number.NaN, gpu.zeros([4]))).toThrow(/learningRate: .* got NaN/);
});
