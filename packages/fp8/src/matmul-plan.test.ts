import { KERNEL_TARGETS } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { type Fp8ProductShape, planFp8Matmul } from "./matmul-plan.ts";
import { fp8TiledBytes, fp8TiledLanes } from "./matmul-tiled.wgsl.ts";

const shape: Fp8ProductShape = {
  ...{ layout: "nt", grouped: "none", formatA: "e4m3fn", formatB: "e4m3fn" },
  ...{ M: 640, N: 512, K: 256, E: 1, accumulate: false, round: false },
};
const target = (name: string) => KERNEL_TARGETS[name]!;
const label = (name: string, more: Partial<Fp8ProductShape> = {}): string =>
  planFp8Matmul(target(name), { ...shape, ...more }).kernel.label;

describe("software adapters", () => {
  test("one subgroup a workgroup, or eight lanes that load for themselves", () => {
    expect(label("software 8")).toContain("lanes=8 shuffle columns=8 vector");
    expect(label("software 4")).toContain("lanes=4 shuffle columns=8 vector");
    expect(label("software without subgroups")).toContain("lanes=8 load columns=8 vector");
  });

  test("four columns a lane for small products and ragged widths, single elements where four do not divide N", () => {
    expect(label("software 8", { M: 64 })).toContain("columns=4 vector");
    expect(label("software 8", { N: 96, M: 4096 })).toContain("columns=4 vector");
    expect(label("software 8", { N: 510 })).toMatch(/columns=8$/);
  });

  test("every row has one workgroup, in whole fours; every expert has its own", () => {
    for (const M of [1, 5, 640, 5000]) {
      const { uniforms, groups } = planFp8Matmul(target("software 8"), { ...shape, M });
      expect(uniforms.rowsPerGroup! % 4).toBe(0);
      expect(groups).toEqual([8 * (M < 128 ? 2 : 1), Math.ceil(M / uniforms.rowsPerGroup!), 1]);
    }
    const experts = { layout: "tn", grouped: "k", E: 6 } as const;
    expect(planFp8Matmul(target("software 8"), { ...shape, ...experts }).groups[2]).toBe(6);
    const rows = { grouped: "rows", E: 6, tileCount: 11 } as const;
    expect(planFp8Matmul(target("software 8"), { ...shape, ...rows }).groups.slice(1)).toEqual([11, 1]);
  });
});

describe("hardware", () => {
  test("f16 tiles where the adapter has them and both operands are e4m3fn", () => {
    expect(label("hardware 32")).toContain("32x32x32 f16");
    expect(label("hardware 32", { formatA: "e5m2" })).toContain("32x32x16 f32");
    expect(label("hardware without f16")).toContain("32x32x16 f32");
  });

  test("large tiles for products that fill the adapter; all keep within WebGPU's default limits", () => {
    expect(label("hardware 64", { M: 1024, N: 1024 })).toContain("64x64x32 f16");
    for (const [tile, tileK, staged] of [
      [64, 16, "f32"],
      [64, 32, "f16"],
    ] as const) {
      expect(fp8TiledLanes({ tileM: tile, tileN: tile })).toBeLessThanOrEqual(256);
      expect(fp8TiledBytes({ tileM: tile, tileN: tile, tileK, staged })).toBeLessThanOrEqual(16_384);
    }
  });
});

test("distances are of words and tiles", () => {
  const nt = planFp8Matmul(target("software 8"), { ...shape, N: 130, K: 257 }).uniforms;
  expect(nt).toMatchObject({ lda: 65, ldb: 65, scalesA: 3, scalesB: 3, strideB: 130 * 65, strideScales: 2 * 3 });
  const nn = planFp8Matmul(target("software 8"), { ...shape, layout: "nn", N: 130, K: 257 }).uniforms;
  expect(nn).toMatchObject({ lda: 65, ldb: 33, scalesA: 3, scalesB: 2, strideB: 257 * 33, strideScales: 3 * 2 });
  const tn = { layout: "tn", grouped: "k", M: 30, N: 130, E: 2 } as const;
  const wgrad = planFp8Matmul(target("software 8"), { ...shape, ...tn }).uniforms;
  expect(wgrad).toMatchObject({ lda: 8, ldb: 33, scalesA: 30, scalesB: 130, strideC: 30 * 130 });
});
