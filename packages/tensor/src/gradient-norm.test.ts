import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { Arena } from "./arena.ts";
import { gradientNormRef } from "./gradient-norm.ref.ts";
import { gradientNorm } from "./gradient-norm.ts";
import { NORM_CHUNK } from "./gradient-norm.wgsl.ts";

const device = useTestGpu();
const sizes = [[1], [7, 127], [129], [NORM_CHUNK + 1]];

describe("gradientNorm", () => {
  test.each([
    ["clipped", 1, 1],
    ["far below the limit: not scaled", 1, 1e6],
    ["zero", 0, 1],
  ])("%s, over several arenas of odd sizes", async (_, factor, clipNorm) => {
    const { gpu } = device;
    const before = gpu.stats.liveBuffers;
    {
      using _scope = gpu.scope();
      const arenas = sizes.map((shape, i) => new Arena(gpu, [{ name: `w${i}`, shape, decay: i % 2 === 0 }]));
      const gradients = sizes.map((shape, i) =>
        Float32Array.from(
          normals(
            shape.reduce((a, b) => a * b),
            i + 1,
          ),
          (x) => factor * x,
        ),
      );
      for (const [i, arena] of arenas.entries()) gpu.write(arena.get(`w${i}`).grad!, gradients[i]!);
      const segments = arenas.flatMap((arena) => arena.segments);
      const { norm, scale, isBad, loss } = gradientNormRef(gradients, 2.5, clipNorm);
      const want = [norm, scale, Number(isBad), loss];
      const stats = await gradientNorm(segments, gpu.tensor([2.5]), clipNorm).data();
      for (const [i, value] of want.entries()) expectNear(`stats[${i}]`, [stats[i]!], [value], [1], 2e-6);
    }
    expect(gpu.stats.liveBuffers).toBe(before);
  });

  test("a bad number sets the flag wherever it lies: first, last, or at a chunk's border", async () => {
    const { gpu } = device;
    using _scope = gpu.scope();
    const size = 2 * NORM_CHUNK + 3;
    const arena = new Arena(gpu, [{ name: "w", shape: [size], decay: true }]);
    for (const at of [0, NORM_CHUNK - 1, NORM_CHUNK, size - 1]) {
      for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, 1]) {
        const gradient = new Float32Array(size);
        gradient[at] = value;
        gpu.write(arena.get("w").grad!, gradient);
        const stats = await gradientNorm(arena.segments, gpu.tensor([0]), 1).data();
        expect(stats[2], `${value} at ${at}`).toBe(Number(gradientNormRef([gradient], 0, 1).isBad));
      }
    }
  });
});
