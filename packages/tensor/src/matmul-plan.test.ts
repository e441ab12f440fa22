import { beforeAll, describe, expect, it } from "vitest";
import { create } from "webgpu";
import type { Kernel } from "./kernel.ts";
import { matmulPanelWgsl } from "./matmul.wgsl.ts";
import type { MatmulLayout } from "./matmul-operands.ts";
import {
  type GroupedMatmulShape,
  groupTileCount,
  groupTileRows,
  type MatmulShape,
  matmulVariant,
  planGroupedMatmul,
  planGroupTable,
  planMatmul,
} from "./matmul-plan.ts";
import type { KernelTarget } from "./target.ts";

const targets: Record<string, KernelTarget> = {
  "software, 8 lanes": { software: true, subgroupSize: 8 },
  "software, 4 lanes": { software: true, subgroupSize: 4 },
  "software, no subgroups": { software: true, subgroupSize: 0 },
  hardware: { software: false, subgroupSize: 32 },
};
const layouts: MatmulLayout[] = ["nn", "nt", "tn"];
const sizes = [1, 7, 8, 32, 64, 96, 127, 129, 512, 1500];
const shapes: MatmulShape[] = layouts.flatMap((layout) =>
  sizes.flatMap((M) => sizes.map((N) => ({ layout, M, N, K: 96, batch: (M % 3) + 1 }))),
);
const large: MatmulShape[] = layouts.flatMap((layout) => [
  { layout, M: 1024, N: 6400, K: 256 },
  { layout, M: 6400, N: 256, K: 1024 },
  { layout, M: 1, N: 600_000, K: 4 },
  { layout, M: 300_000, N: 5, K: 3 },
]);
const groupedShapes: GroupedMatmulShape[] = [
  { grouped: "rows", layout: "nn", R: 2048, E: 8, N: 256, K: 128 },
  { grouped: "rows", layout: "nt", R: 300, E: 5, N: 7, K: 40 },
  { grouped: "k", layout: "tn", R: 2048, E: 8, N: 256, M: 128 },
  { grouped: "k", layout: "tn", R: 33, E: 3, N: 36, M: 20 },
];

/** How often each of M x N outputs is computed by one batch entry of a plan, by walking its grid. */
function coverage(target: KernelTarget, shape: MatmulShape): Uint8Array {
  const plan = planMatmul(target, shape);
  const { columns, kind } = matmulVariant(target, shape);
  const rowsPerGroup = plan.uniforms.rowsPerGroup!;
  const [x, y] = plan.groups;
  const counts = new Uint8Array(shape.M * shape.N);
  for (let group = 0; group < x * y; group++) {
    const row = kind === "matvec" ? 0 : Math.floor(group / x) * rowsPerGroup;
    const column = (kind === "matvec" ? group : group % x) * columns;
    for (let m = row; m < Math.min(row + rowsPerGroup, shape.M); m++) {
      for (let n = column; n < Math.min(column + columns, shape.N); n++) counts[m * shape.N + n]!++;
    }
  }
  return counts;
}

/** Every kernel that the shapes above lead to. */
function allKernels(): Kernel[] {
  return Object.values(targets).flatMap((target) => [
    ...[...shapes, ...large].map((shape) => planMatmul(target, shape).kernel),
    ...groupedShapes.map((shape) => planGroupedMatmul(target, shape).kernel),
    planGroupTable(target, { R: 100, E: 4 }).kernel,
  ]);
}

describe.each(Object.entries(targets))("plans for %s", (_, target) => {
  it("computes every output exactly once", () => {
    for (const shape of [...shapes, ...large]) {
      expect(
        coverage(target, shape).every((count) => count === 1),
        JSON.stringify(shape),
      ).toBe(true);
    }
  });

  it("stays within the grid limits and covers the batch", () => {
    for (const shape of [...shapes, ...large]) {
      const { groups } = planMatmul(target, shape);
      expect(Math.max(...groups)).toBeLessThanOrEqual(65_535);
      expect(groups[2]).toBe(shape.batch ?? 1);
    }
  });

  it("gives every uniform that the kernel declares", () => {
    const plans = [
      ...shapes.map((shape) => planMatmul(target, shape)),
      ...groupedShapes.map((shape) => planGroupedMatmul(target, shape)),
      planGroupTable(target, { R: 100, E: 4 }),
    ];
    for (const { kernel, uniforms } of plans) {
      expect(Object.keys(uniforms).sort()).toEqual(kernel.uniforms.map(([name]) => name).sort());
      expect(Object.values(uniforms).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }
  });

  it("plans nothing for empty outputs, and one pass of zeros for K = 0", () => {
    expect(planMatmul(target, { layout: "nt", M: 0, N: 5, K: 3 }).groups).toContain(0);
    expect(planMatmul(target, { layout: "nt", M: 5, N: 0, K: 3 }).groups).toContain(0);
    expect(planMatmul(target, { layout: "nt", M: 5, N: 5, K: 0 }).groups).not.toContain(0);
    expect(planGroupedMatmul(target, { grouped: "rows", layout: "nt", R: 0, E: 4, N: 8, K: 8 }).groups).toContain(0);
  });

  it("has a tile for every row of every distribution over experts", () => {
    for (const [R, E] of [
      [1, 8],
      [300, 1],
      [2048, 8],
      [2049, 32],
    ] as const) {
      const rows = groupTileRows(target, R);
      const worst = Array.from({ length: E }, (_, e) => (e < E - 1 ? 1 : R - (E - 1))).filter((count) => count > 0);
      const needed = worst.reduce((sum, count) => sum + Math.ceil(count / rows), 0);
      expect(groupTileCount(target, R, E)).toBeGreaterThanOrEqual(needed);
      expect(planGroupTable(target, { R, E }).uniforms.tileRows).toBe(rows);
    }
  });
});

describe("variants", () => {
  const software = targets["software, 8 lanes"]!;

  it("wastes no lanes on narrow outputs and reads B once for one row", () => {
    const columns = (N: number): number => matmulVariant(software, { layout: "nn", M: 1024, N, K: 256 }).columns;
    expect([8, 16, 32, 64, 96, 512].map(columns)).toEqual([8, 32, 32, 64, 32, 64]);
    expect(matmulVariant(software, { layout: "nt", M: 1, N: 512, K: 256 }).kind).toBe("matvec");
  });

  it("keeps both cores busy", () => {
    const groups = (M: number, N: number): number =>
      planMatmul(software, { layout: "nt", M, N, K: 256 }).groups.reduce((product, n) => product * n, 1);
    for (const [M, N] of [
      [512, 512],
      [1024, 256],
      [1024, 64],
      [256, 512],
    ] as const)
      expect(groups(M, N)).toBeGreaterThanOrEqual(8);
  });

  it("gives equal labels to equal texts and different labels to different ones", () => {
    const byLabel = new Map<string, string>();
    for (const { label, wgsl } of allKernels()) {
      expect(byLabel.get(label) ?? wgsl).toBe(wgsl);
      byLabel.set(label, wgsl);
    }
    expect(new Set(byLabel.values()).size).toBe(byLabel.size);
  });

  it("returns the same kernel object for the same variant, so that no text is built twice", () => {
    const shape: MatmulShape = { layout: "nn", M: 100, N: 100, K: 100 };
    expect(planMatmul(software, { ...shape }).kernel).toBe(planMatmul(software, { ...shape, M: 90 }).kernel);
  });

  it("writes this panel kernel", () => {
    const params = { layout: "nt", lanes: 4, subgroups: true, columnsPerLane: 2, depth: 8 } as const;
    expect(matmulPanelWgsl(params).wgsl).toMatchSnapshot();
  });
});

describe("WGSL", () => {
  let device: GPUDevice;
  const instance = create(["backend=null"]);
  beforeAll(async () => {
    const adapter = await instance.requestAdapter();
    if (!adapter) throw new Error("Dawn's null backend has no adapter");
    device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
    return () => device.destroy();
  });

  it("compiles every variant on the null backend", async () => {
    const kernels = new Map(allKernels().map((kernel) => [kernel.label, kernel]));
    expect(kernels.size).toBeGreaterThan(40);
    for (const { label, wgsl } of kernels.values()) {
      device.pushErrorScope("validation");
      const module = device.createShaderModule({ label, code: wgsl });
      device.createComputePipeline({ label, layout: "auto", compute: { module } });
      expect((await device.popErrorScope())?.message ?? "valid", label).toBe("valid");
    }
  });
});
