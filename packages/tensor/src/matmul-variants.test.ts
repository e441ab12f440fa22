/** The numbers of every variant, whatever this machine's device would pick: what the op tests of one target do not reach. */
import { expectNear, normals, useTestGpu } from "@ds3/testing";
import { describe, expect, test } from "vitest";
import { type Experts, expertsReference, groupsOf } from "../test/grouped-products.ts";
import { roundToBf16Ref, roundToF16Ref } from "./cast.ref.ts";
import { cast } from "./cast.ts";
import { matmulRef } from "./matmul.ref.ts";
import { matmulPanelWgsl } from "./matmul.wgsl.ts";
import type { MatmulLayout } from "./matmul-operands.ts";
import { groupTileCount, groupTileRows, planGroupedMatmul, planGroupTable, planMatmul } from "./matmul-plan.ts";
import { MATMUL_VARIANTS, variantsFor } from "./matmul-variants.ts";
import type { KernelTarget } from "./target.ts";
import type { Tensor } from "./tensor.ts";

/** f32 sums of up to 300 products against f64, relative to the largest entry. */
const TOLERANCE = 3e-6;
const device = useTestGpu();
const layouts: MatmulLayout[] = ["nn", "nt", "tn"];
const targets: [string, () => KernelTarget][] = [
  ["this device", () => device.gpu.target],
  ["software without subgroups", () => ({ software: true, subgroupSize: 0 })],
  ["hardware without subgroups", () => ({ software: false, subgroupSize: 0 })],
];

function reference(
  a: Float64Array,
  b: Float64Array,
  layout: MatmulLayout,
  m: number,
  n: number,
  k: number,
): Float64Array {
  return matmulRef(a, b, { m, n, k, transposeA: layout === "tn", transposeB: layout === "nt" });
}

async function read(tensor: Tensor): Promise<Float64Array> {
  return Float64Array.from(await tensor.data());
}

describe.each(targets)("matmul kernels for %s", (_, target) => {
  test.each(layouts)("%s: strided batches, alpha, accumulation", async (layout) => {
    using _scope = device.gpu.scope();
    for (const [M, N, K] of [
      [1, 129, 127],
      [7, 7, 129],
      [127, 129, 7],
      [129, 40, 300],
      [65, 64, 64],
    ] as const) {
      const [batch, pad] = [2, 3];
      const [rowsA, lda] = layout === "tn" ? [K, M + pad] : [M, K + pad];
      const [rowsB, ldb] = layout === "nt" ? [N, K + pad] : [K, N + pad];
      const [strideA, strideB, strideC, ldc] = [rowsA * lda + 5, rowsB * ldb, M * (N + pad), N + pad];
      const [a, b, c] = [normals(batch * strideA, 1), normals(batch * strideB, 2), normals(batch * strideC, 3)];
      const want = c.slice();
      for (let z = 0; z < batch; z++) {
        const partA = dense(a, z * strideA, rowsA, lda - pad, lda);
        const partB = dense(b, z * strideB, rowsB, ldb - pad, ldb);
        const product = reference(partA, partB, layout, M, N, K);
        for (const [i, sum] of product.entries()) want[z * strideC + Math.floor(i / N) * ldc + (i % N)]! += 0.75 * sum;
      }
      poison(a, batch, strideA, rowsA, lda, pad);
      const operands = { A: device.gpu.tensor(a), B: device.gpu.tensor(b), C: device.gpu.tensor(c) };
      const strides = { lda, ldb, ldc, strideA, strideB, strideC };
      const plan = planMatmul(target(), { layout, M, N, K, batch, ...strides, alpha: 0.75, accumulate: true });
      device.gpu.dispatch(plan.kernel, operands, plan.uniforms, plan.groups);
      expectNear(`${layout} ${M}x${N}x${K}`, await read(operands.C), want, [want.length], TOLERANCE);
    }
  });

  test.each([
    { name: "uneven, one empty", counts: [130, 0, 7, 163], R: 300 },
    { name: "unused capacity", counts: [1, 260, 1], R: 290 },
    { name: "many small", counts: [3, 0, 0, 64, 65, 1, 0, 2], R: 135 },
    { name: "no rows at all", counts: [0, 0], R: 40 },
  ])("experts: $name", async ({ counts, R }) => {
    using _scope = device.gpu.scope();
    const [E, F, D] = [counts.length, 37, 70];
    const offsets = [0, ...counts.map((_, e) => counts.slice(0, e + 1).reduce((sum, n) => sum + n, 0))];
    const [x, w, dy] = [normals(R * D, 4), normals(E * F * D, 5), normals(R * F, 6)];
    const experts = { R, E, D, F, offsets, x, w, dy };
    const want = expertsReference(experts);
    const got = runExperts(target(), experts);
    expectNear("y", await read(got.y), want.y, [R, F], TOLERANCE);
    expectNear("dx", await read(got.dx), want.dx, [R, D], TOLERANCE);
    expectNear("dw", await read(got.dw), want.dw, [E, F, D], TOLERANCE);
    const twice = want.dw.map((value) => 2 * value);
    expectNear("dw accumulated", await read(got.dwTwice), twice, [E, F, D], TOLERANCE);
  });

  test("the table covers every row once and leaves the surplus empty", async () => {
    using _scope = device.gpu.scope();
    const [R, counts] = [1500, [700, 0, 1, 513]];
    const E = counts.length;
    const table = device.gpu.empty([groupTileCount(target(), R, E), 4], "u32");
    const { kernel, uniforms, groups } = planGroupTable(target(), { R, E });
    device.gpu.dispatch(
      kernel,
      { offsets: device.gpu.tensor([0, 700, 700, 701, 1214], [5], "u32"), tiles: table },
      uniforms,
      groups,
    );
    const tiles = await table.data<"u32">();
    const owner = new Array<number>(R).fill(-1);
    for (let t = 0; t < tiles.length; t += 4) {
      const [e, from, to] = [tiles[t]!, tiles[t + 1]!, tiles[t + 2]!];
      expect(to - from).toBeLessThanOrEqual(groupTileRows(target(), R));
      for (let row = from; row < to; row++) {
        expect(owner[row]).toBe(-1);
        owner[row] = e;
      }
    }
    const expected = counts.flatMap((n, e) => new Array<number>(n).fill(e));
    expect(owner).toEqual([...expected, ...new Array<number>(R - expected.length).fill(-1)]);
  });
});

test.each(layouts)("%s: the deep panel of large products", async (layout) => {
  using _scope = device.gpu.scope();
  const { subgroupSize } = device.gpu.target;
  const lanes = subgroupSize || 8;
  const kernel = matmulPanelWgsl({ layout, lanes, subgroups: subgroupSize > 0, columnsPerLane: 8, depth: 128 });
  const [M, N, K] = [33, 70, 300];
  const [a, b] = [normals(M * K, 7), normals(K * N, 8)];
  const C = device.gpu.empty([M, N]);
  const { uniforms } = planMatmul({ software: true, subgroupSize }, { layout, M, N, K });
  const groups = [Math.ceil(N / (8 * lanes)), Math.ceil(M / 10), 1] as const;
  device.gpu.dispatch(
    kernel,
    { A: device.gpu.tensor(a), B: device.gpu.tensor(b), C },
    { ...uniforms, rowsPerGroup: 10 },
    groups,
  );
  expectNear("C", await read(C), reference(a, b, layout, M, N, K), [M, N], TOLERANCE);
});

describe("every variant that this adapter can run, whichever it prefers", () => {
  const rounds = { f32: Math.fround, f16: roundToF16Ref, bf16: roundToBf16Ref };
  const sizes = { aligned: [132, 72, 40], ragged: [70, 133, 35], row: [1, 133, 35] } as const;
  // Each layout with and without vectors, with operands in f32, in one half, in two different ones.
  const cases = [
    { layout: "nt", size: "aligned", dtypeA: "f32", dtypeB: "f32" },
    { layout: "nn", size: "ragged", dtypeA: "f32", dtypeB: "f32" },
    { layout: "tn", size: "aligned", dtypeA: "f32", dtypeB: "f32" },
    { layout: "nt", size: "row", dtypeA: "f32", dtypeB: "f32" },
    { layout: "nt", size: "ragged", dtypeA: "f16", dtypeB: "f16" },
    { layout: "nn", size: "aligned", dtypeA: "f16", dtypeB: "f16" },
    { layout: "tn", size: "ragged", dtypeA: "f16", dtypeB: "f16" },
    { layout: "nn", size: "ragged", dtypeA: "bf16", dtypeB: "f32" },
    { layout: "tn", size: "aligned", dtypeA: "f32", dtypeB: "bf16" },
  ] as const;

  // Large ones compile for seconds: two cases each, with and without vectors; the code is the same but for sizes.
  const thorough = ["panel-4x128", "tiled-32x32x16"];

  /** The target as it is, with a table that has this variant for everything that it serves. */
  function withVariant(id: string): KernelTarget {
    const entries = new Proxy({}, { get: () => id });
    return { ...device.gpu.target, table: { version: 1, adapter: device.gpu.adapter.name, entries } };
  }

  test.each(MATMUL_VARIANTS.map(({ id }) => id))("%s", { timeout: 120_000 }, async (id) => {
    const target = withVariant(id);
    const served = cases.flatMap(({ size, ...types }) => {
      const [M, N, K] = sizes[size];
      const request = { ...types, grouped: "none", M, N, K, batch: 1 } as const;
      const spec = variantsFor(target, request).find((candidate) => candidate.id === id);
      return spec && (size !== "row" || id === "matvec") ? [{ size, request, spec }] : [];
    });
    expect(served.length > 0).toBe(MATMUL_VARIANTS.find((spec) => spec.id === id)!.runsOn(target));
    for (const { size, request, spec } of thorough.includes(id) ? served : served.slice(0, 2)) {
      const { layout, M, N, K, dtypeA, dtypeB } = request;
      using _scope = device.gpu.scope();
      const [a, b] = [normals(M * K, 1).map(rounds[dtypeA]), normals(K * N, 2).map(rounds[dtypeB])];
      const A = cast(device.gpu.tensor(a, layout === "tn" ? [K, M] : [M, K]), dtypeA);
      const B = cast(device.gpu.tensor(b, layout === "nt" ? [N, K] : [K, N]), dtypeB);
      const C = device.gpu.empty([M, N]);
      const plan = planMatmul(target, { layout, M, N, K, dtypeA, dtypeB, alpha: -1.5 });
      expect(plan.kernel).toBe(spec.build(target, request).kernel);
      device.gpu.dispatch(plan.kernel, { A, B, C }, plan.uniforms, plan.groups);
      const want = reference(a, b, layout, M, N, K).map((sum) => -1.5 * sum);
      expectNear(`${layout} ${size} ${dtypeA} ${dtypeB}`, await read(C), want, [M, N], TOLERANCE);
    }
  });

  // matvec takes no groups; the targets above run two variants by default. Compiling takes seconds a kernel: two of each.
  const known = ["matvec", "panel-8x64", "tiled-32x32x16"];
  const groupable = MATMUL_VARIANTS.map(({ id }) => id).filter((id) => !known.includes(id));

  test.each(groupable)("%s by groups of rows and of k", { timeout: 120_000 }, async (id) => {
    const target = withVariant(id);
    const spec = MATMUL_VARIANTS.find((candidate) => candidate.id === id)!;
    using _scope = device.gpu.scope();
    // Ragged in everything; an empty group, and rows that no group has.
    const [R, E, D, F] = [90, 4, 70, 37];
    const offsets = [0, 5, 5, 72, 85];
    const dtype = id.includes("f16") ? "f16" : "f32";
    const [x, w, dy] = [R * D, E * F * D, R * F].map((count, i) => normals(count, 4 + i).map(rounds[dtype]));
    const experts = { R, E, D, F, offsets, x: x!, w: w!, dy: dy! };
    const types = { dtypeA: dtype, dtypeB: dtype } as const;
    const request = { layout: "tn", grouped: "k", M: F, N: D, K: R, batch: 1, groups: E, ...types } as const;
    const offered = variantsFor(target, request).includes(spec);
    expect(offered).toBe(spec.runsOn(target));
    if (!offered) return;
    const plan = planGroupedMatmul(target, { grouped: "k", layout: "tn", R, E, N: D, M: F, ...types });
    expect(plan.kernel).toBe(spec.build(target, request).kernel);
    const [got, want] = [groupsOf(device.gpu, target, experts, dtype), expertsReference(experts)];
    expectNear("y", await read(got.rows("nt")), want.y, [R, F], TOLERANCE);
    expectNear("dw", await read(got.wgrad()), want.dw, [E, F, D], TOLERANCE);
  });

  test("experts with several tiles of rows a workgroup", async () => {
    using _scope = device.gpu.scope();
    const target: KernelTarget = { ...withVariant("tiled-32x32x16"), software: false };
    const [R, E, O, I] = [140, 2, 40, 36];
    const [x, w] = [normals(R * I, 4), normals(E * O * I, 5)];
    const offsets = device.gpu.tensor([0, 100, 140], [E + 1], "u32");
    const tiles = device.gpu.empty([groupTileCount(target, R, E), 4], "u32");
    const table = planGroupTable(target, { R, E });
    device.gpu.dispatch(table.kernel, { offsets, tiles }, table.uniforms, table.groups);
    const C = device.gpu.empty([R, O]);
    const plan = planGroupedMatmul(target, { grouped: "rows", layout: "nt", R, E, N: O, K: I });
    expect(plan.kernel.label).toContain("tiled 32x32x16");
    expect(groupTileRows(target, R)).toBeGreaterThan(32);
    const operands = { A: device.gpu.tensor(x), B: device.gpu.tensor(w), tiles, C };
    device.gpu.dispatch(plan.kernel, operands, plan.uniforms, plan.groups);
    const want = new Float64Array(R * O);
    want.set(reference(x.subarray(0, 100 * I), w.subarray(0, O * I), "nt", 100, O, I));
    want.set(reference(x.subarray(100 * I), w.subarray(O * I), "nt", 40, O, I), 100 * O);
    expectNear("y", await read(C), want, [R, O], TOLERANCE);
  });
});

/** Rows of `width` values that lie `pitch` apart, as one dense matrix. */
function dense(values: Float64Array, start: number, rows: number, width: number, pitch: number): Float64Array {
  return Float64Array.from(
    { length: rows * width },
    (_, i) => values[start + Math.floor(i / width) * pitch + (i % width)]!,
  );
}

/** NaN between the rows: a kernel that multiplies what lies beside a row by zero shows it. */
function poison(values: Float64Array, batch: number, stride: number, rows: number, pitch: number, pad: number): void {
  for (let row = 0; row < batch * rows; row++) {
    const end = Math.floor(row / rows) * stride + ((row % rows) + 1) * pitch;
    values.fill(Number.NaN, end - pad, end);
  }
}

/** Forward, dgrad, wgrad, and wgrad a second time onto the first. */
function runExperts(target: KernelTarget, experts: Experts): Record<"y" | "dx" | "dw" | "dwTwice", Tensor> {
  const { rows, wgrad } = groupsOf(device.gpu, target, experts);
  return { y: rows("nt"), dx: rows("nn"), dw: wgrad(), dwTwice: wgrad({ onto: wgrad() }) };
}
