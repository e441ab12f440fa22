import { useTestGpu } from "@ds3/testing";
import { expectClose, integers, normals } from "@ds3/testing/reference";
import { describe, expect, test } from "vitest";
import { type AttentionShape, flashAttentionBackwardRef, flashAttentionRef } from "./flash-attention.ref.ts";
import { FLASH_VARIANTS, planFlashBackward, planFlashForward } from "./flash-attention-plan.ts";
import type { Gpu } from "./gpu.ts";
import { KERNEL_TABLE_VERSION } from "./kernel-table.ts";
import type { KernelTarget } from "./target.ts";

/**
 * Sums of a few hundred f32 products: the worst of several hundred shapes measured was 2e-6 of the largest value, or of
 * 1 where all are smaller (a single key has no gradient of its score at all).
 */
const TOLERANCE = 5e-6;

/** [B, T, S, N, headDimQk, headDimV]: lengths and head sizes around every tile's border, cached keys, one query. */
const shapes = [
  [2, 1, 1, 3, 48, 32],
  [2, 7, 7, 3, 48, 32],
  [1, 127, 127, 2, 48, 32],
  [1, 129, 129, 2, 48, 32],
  [1, 257, 257, 2, 48, 32],
  [2, 130, 130, 8, 48, 32], // enough rows for workgroups that own several tiles of them
  [2, 130, 150, 8, 48, 32],
  [1, 1, 70, 2, 48, 32],
  [2, 65, 200, 1, 48, 32],
  [2, 70, 70, 2, 7, 20],
  [2, 70, 75, 2, 20, 20],
  [1, 33, 33, 1, 1, 1],
  [1, 40, 41, 1, 192, 128],
] as const;

type Case = readonly [B: number, T: number, S: number, N: number, headDimQk: number, headDimV: number];

describe("flash attention kernels against the f64 reference", () => {
  const device = useTestGpu();
  const cases = shapes.flatMap((sizes) => [false, true].map((documents) => ({ sizes, documents })));

  test.each(cases)("$sizes documents $documents", async ({ sizes, documents }) => {
    await compare(device.gpu, device.gpu.target, sizes, documents);
  });

  test.each(cases.filter(({ sizes }) => sizes[1] < 128))("portable $sizes documents $documents", async (each) => {
    await compare(device.gpu, { software: false, subgroupSize: 0 }, each.sizes, each.documents);
  });

  // Whichever the default is; on a hardware adapter all of them are the portable kernels. Small heads compile quickly.
  test.each(FLASH_VARIANTS)("%s for all three kernels, by a table", { timeout: 120_000 }, async (id) => {
    const sizes = [2, 70, 75, 2, 12, 8] as const;
    const target = withVariant(device.gpu, id);
    const shape = { ...shapeOf(sizes, true), documents: true };
    const [, queryGrad, keyGrad] = planFlashBackward(target, shape);
    const tiled = target.software && target.subgroupSize > 0 && id !== "portable";
    for (const { kernel } of [planFlashForward(target, shape), queryGrad!, keyGrad!]) {
      expect(kernel.label).toContain(tiled ? `perLane=${id.slice("rows-".length)} ` : "portable");
    }
    await compare(device.gpu, target, sizes, true);
  });

  test("the same input gives the same bits", async () => {
    const { gpu } = device;
    const shape = shapeOf([1, 257, 257, 2, 48, 32], true);
    using _scope = gpu.scope();
    const [a, b] = [run(gpu, gpu.target, shape), run(gpu, gpu.target, shape)];
    for (const name of Object.keys(a)) expect(await a[name]!.data(), name).toEqual(await b[name]!.data());
  });
});

/** The device's target with a table that has this variant for every shape. */
function withVariant({ target, adapter }: Gpu, id: string): KernelTarget {
  const entries = new Proxy({}, { get: () => id });
  return { ...target, table: { version: KERNEL_TABLE_VERSION, adapter: adapter.name, entries } };
}

async function compare(gpu: Gpu, target: KernelTarget, sizes: Case, documents: boolean): Promise<void> {
  const shape = shapeOf(sizes, documents);
  const inputs = inputsOf(shape);
  const { dOut } = inputs;
  const want = { ...flashAttentionRef(shape, inputs), ...flashAttentionBackwardRef(shape, inputs, dOut) };
  using _scope = gpu.scope();
  const got = run(gpu, target, shape);
  for (const [name, values] of Object.entries(want)) {
    const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
    expectClose(await got[name]!.data(), values, { name, shape: got[name]!.shape, atol: TOLERANCE * largest });
  }
}

/** Forward and backward; outputs start as not-a-number, so an element that no kernel writes shows. */
function run(gpu: Gpu, target: KernelTarget, shape: AttentionShape): Record<string, ReturnType<Gpu["tensor"]>> {
  const { B, T, S, N, headDimQk, headDimV, documentStart } = shape;
  const { q, k, v, dOut } = inputsOf(shape);
  const unwritten = (dims: readonly number[]) =>
    gpu.tensor(new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(Number.NaN), dims);
  const documents = documentStart !== undefined;
  const outputs = {
    out: unwritten([B, T, N, headDimV]),
    lse: unwritten([B, N, T]),
    dq: unwritten([B, T, N, headDimQk]),
    dk: unwritten([B, S, N, headDimQk]),
    dv: unwritten([B, S, N, headDimV]),
  };
  const operands = {
    ...outputs,
    rowTerms: unwritten([B, N, T, 2]),
    q: gpu.tensor(q, [B, T, N, headDimQk]),
    k: gpu.tensor(k, [B, S, N, headDimQk]),
    v: gpu.tensor(v, [B, S, N, headDimV]),
    dOut: gpu.tensor(dOut, [B, T, N, headDimV]),
    ...(documents ? { documentStart: gpu.tensor(Uint32Array.from(documentStart), [B, T], "u32") } : {}),
  };
  const planned = { ...shape, documents };
  for (const plan of [planFlashForward(target, planned), ...planFlashBackward(target, planned)]) {
    gpu.dispatch(plan.kernel, operands, plan.uniforms, plan.groups);
  }
  return outputs;
}

function shapeOf([B, T, S, N, headDimQk, headDimV]: Case, documents: boolean): AttentionShape {
  const keyOffset = S - T;
  const shape = { B, T, S, N, headDimQk, headDimV, scale: headDimQk ** -0.5, keyOffset };
  return documents ? { ...shape, documentStart: documentStarts(B, T, keyOffset) } : shape;
}

/** About every twelfth query opens a document; the first one of each batch entry may have cached keys. */
function documentStarts(B: number, T: number, keyOffset: number): number[] {
  const opens = integers(B * T, 12, 9);
  return Array.from({ length: B }, (_, b) => {
    let start = keyOffset >> 1;
    return Array.from({ length: T }, (_, t) => {
      if (opens[b * T + t] === 0) start = t + keyOffset;
      return start;
    });
  }).flat();
}

function inputsOf({ B, T, S, N, headDimQk, headDimV }: AttentionShape): Record<"q" | "k" | "v" | "dOut", Float64Array> {
  const values = (count: number, seed: number) => normals(count, seed).map(Math.fround);
  return {
    q: values(B * T * N * headDimQk, 1),
    k: values(B * S * N * headDimQk, 2),
    v: values(B * S * N * headDimV, 3),
    dOut: values(B * T * N * headDimV, 4),
  };
}
